package target

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// sameTable checks that a target still belongs to the source table: that no other sink fills it, and that the source table was
// not renamed or recreated since.
func (c *Catalog) sameTable(ctx context.Context, conn *pgconn.PgConn, known *facts, r registered, ch *changes, f *found, schema string) error {
	t, here, other := ch.table, r.here, r.other
	ours := here != nil && here.Pipeline == c.Pipeline && here.Sink == c.Sink
	sameName := ours && here.SourceSchema == t.Schema && here.Source == t.Name
	switch {
	case here != nil && !ours:
		ch.refusal("table_taken", fmt.Sprintf("%s is filled by sink %s of pipeline %s, from %s.%s", ch.target, here.Sink,
			here.Pipeline, here.SourceSchema, here.Source),
			"-- give one of the sinks a schema of its own; or, when the other one is gone for good:\n"+forget(schema, t.Name)+";")
	case ours && here.OID == t.OID && (t.OID != 0 || sameName):
	case ours && other != nil:
		ch.refusal("table_renamed", fmt.Sprintf("%s was called %s.%s, whose rows are in %s, and %s has those of another table",
			t, other.SourceSchema, other.Source, quote(other.Schema, other.Table), ch.target),
			swap(other.Schema, other.Table, schema, t.Name)+compareUnder(other, t.String())+compareUnder(here, c.sourceAt(here, other)))
	case ours && sameName:
		ch.refusal("table_recreated", fmt.Sprintf("%s was dropped and created again in the source, and %s has the former rows", t, ch.target),
			"-- the source may have renamed the former table instead of dropping it, so its rows are kept under another name:\n"+
				asideFix(schema, t.Name, here.OID))
	case ours:
		ch.refusal("table_taken", fmt.Sprintf("%s is filled from %s.%s already, so %s has no place", ch.target, here.SourceSchema,
			here.Source, t), "-- leave one of them out, or use two sinks with a schema each; or, when the other one is gone:\n"+
			forget(schema, t.Name)+";")
	case other != nil:
		return c.renamed(ctx, conn, known, other, ch, f, schema)
	}
	return nil
}

// asideFix returns the SQL that gives a target another name, under which its source table is found if that was renamed. A
// name is at most 63 bytes long.
func asideFix(schema, name string, oid uint32) string {
	aside := fmt.Sprintf("_before_%d", oid)
	aside = strings.ToValidUTF8(name[:min(len(name), 63-len(aside))], "") + aside
	return "BEGIN;\n" + move(schema, name, schema, aside) + moveEntry(schema, name, schema, aside) + ";\nCOMMIT;\n" +
		"-- then, when the source has dropped it: DROP TABLE " + quote(schema, aside) + ", and its row in tailrace.tables\n"
}

// renamed adopts a target that was renamed like its source table. Until the operator has renamed it, it adds a refusal with
// the SQL that does so.
func (c *Catalog) renamed(ctx context.Context, conn *pgconn.PgConn, known *facts, other *entry, ch *changes, f *found, schema string) error {
	old, err := find(ctx, conn, other.Schema, other.Table)
	if err != nil {
		return err
	}
	t, from := ch.table, quote(other.Schema, other.Table)
	if old == nil && f != nil {
		known.stale = true
		return exec(ctx, conn, forget(other.Schema, other.Table))
	}
	fix := ""
	if f != nil {
		fix = "ALTER TABLE " + ch.target + " RENAME TO " + quote(t.Name+"_before") + ";\n"
	}
	if old == nil {
		fix += forget(other.Schema, other.Table) + "; -- the target lacks both: it is created again, without the earlier rows\n"
	} else {
		if !known.schemas[schema] {
			fix = "CREATE SCHEMA " + quote(schema) + ";\n"
		}
		fix = "BEGIN;\n" + fix + move(other.Schema, other.Table, schema, t.Name) + moveEntry(other.Schema, other.Table, schema, t.Name) +
			";\nCOMMIT;\n" + compareUnder(other, t.String())
	}
	ch.refusal("table_renamed", fmt.Sprintf("%s was called %s.%s, whose rows are in %s", t, other.SourceSchema, other.Source, from), fix)
	return nil
}

// move returns the SQL that renames a table.
func move(schema, name, toSchema, toName string) string {
	sql := ""
	if schema != toSchema {
		sql = "ALTER TABLE " + quote(schema, name) + " SET SCHEMA " + quote(toSchema) + ";\n"
	}
	if name != toName {
		sql += "ALTER TABLE " + quote(toSchema, name) + " RENAME TO " + quote(toName) + ";\n"
	}
	return sql
}

// swap returns the SQL that exchanges the names of two tables, and their entries.
func swap(schema, name, otherSchema, otherName string) string {
	const between = "tailrace_between"
	return "BEGIN;\n" + move(schema, name, schema, between) + move(otherSchema, otherName, schema, name) +
		move(schema, between, otherSchema, otherName) + swapEntries(schema, name, otherSchema, otherName) + ";\nCOMMIT;\n"
}

// compareUnder returns the comment that tells how to compare a renamed source table. An earlier fix may have named it as it was
// called before, a name that the source does not have any more, or that another table has now.
func compareUnder(was *entry, now string) string {
	return "-- where an earlier fix names " + was.SourceSchema + "." + was.Source + ", " + caughtUp + ": " + verifyTable(now) + "\n"
}

// sourceAt returns the name of the source table of e when its target has the place of the target of other.
func (c *Catalog) sourceAt(e, other *entry) string {
	if c.Schema != "" {
		return e.SourceSchema + "." + other.Table
	}
	return other.Schema + "." + other.Table
}

// keyNames returns the names of a table's key columns.
func keyNames(t *capture.Table) []string {
	var names []string
	for _, i := range t.Key {
		names = append(names, t.Columns[i].Name)
	}
	return names
}
