package target

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// makeRegistry creates tailrace.tables. The table records which source table fills which target table, and the shape of both
// when the last row of a new shape arrived. It identifies tables and columns by number, which shows that one was renamed or
// recreated. Columns that the source has dropped remain in it. After its row is deleted, a target is adopted as it is.
const makeRegistry = `
CREATE TABLE tailrace.tables (
    target_schema text, target_table text, pipeline text NOT NULL, sink text NOT NULL,
    source_schema text NOT NULL, source_table text NOT NULL, source_oid oid NOT NULL,
    columns jsonb NOT NULL, created timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (target_schema, target_table));
CREATE INDEX ON tailrace.tables (pipeline, sink, source_oid)`

// makeTypes creates tailrace.types. For each enum and composite type of a sink's tables the table records which label or attribute
// of the target is which one of the source, by number: a rename, on either side, is then told from a new one.
const makeTypes = `
CREATE TABLE tailrace.types (
    pipeline text, sink text, target_schema text, target_type text, source_oid oid NOT NULL, read timestamptz NOT NULL,
    parts jsonb NOT NULL, PRIMARY KEY (pipeline, sink, target_schema, target_type))`

// lockNumber is the key of the advisory lock that a sink takes while it creates objects that all sinks share. It is the same as
// for tailrace.progress.
const lockNumber = 7_381_920_465

// Prepare creates the schema tailrace, the tables tailrace.tables and tailrace.types, and the Catalog's schema when they are missing. Call it in a
// separate transaction before the first Relation, so that sinks that start at the same time do not wait until the others have
// written rows.
func (c *Catalog) Prepare(ctx context.Context, conn *pgconn.PgConn) error {
	missing := struct{ Ours, Tables, Types, Schema bool }{}
	err := ask(ctx, conn, &missing, `SELECT pg_catalog.json_build_object(
		'Ours', pg_catalog.to_regnamespace('tailrace') IS NULL, 'Tables', pg_catalog.to_regclass('tailrace.tables') IS NULL,
		'Types', pg_catalog.to_regclass('tailrace.types') IS NULL,
		'Schema', $1::pg_catalog.text <> '' AND NOT EXISTS (
			SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = $1::pg_catalog.text))`, c.Schema)
	if err != nil {
		return fmt.Errorf("look for tailrace.tables: %w", err)
	}
	if missing == (struct{ Ours, Tables, Types, Schema bool }{}) {
		return nil
	}
	lock := fmt.Sprintf("SELECT pg_catalog.pg_advisory_xact_lock(%d)", int64(lockNumber))
	for _, sql := range []string{
		lock, "DO $$ BEGIN IF pg_catalog.to_regnamespace('tailrace') IS NULL THEN CREATE SCHEMA tailrace; END IF; END $$",
		`DO $$ BEGIN IF pg_catalog.to_regclass('tailrace.tables') IS NULL THEN` + makeRegistry + `; END IF; END $$`,
		`DO $$ BEGIN IF pg_catalog.to_regclass('tailrace.types') IS NULL THEN` + makeTypes + `; END IF; END $$`,
		"CREATE SCHEMA IF NOT EXISTS " + quote(c.Schema),
	} {
		if sql == `CREATE SCHEMA IF NOT EXISTS ""` {
			continue
		}
		if err := exec(ctx, conn, sql); err != nil {
			ch := &changes{table: &capture.Table{Schema: "tailrace", Name: "tables"}}
			ch.do(sql)
			return ch.failed(sql, err)
		}
	}
	return nil
}

const entriesQuery = `
SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Pipeline', pipeline, 'Sink', sink, 'SourceSchema', source_schema,
    'Source', source_table, 'OID', source_oid::pg_catalog.int8, 'Schema', target_schema, 'Table', target_table,
    'Columns', columns, 'New', created = pg_catalog.now(),
    'Written', xmin::pg_catalog.text = (pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.xid)::pg_catalog.text))
FROM tailrace.tables
WHERE (target_schema, target_table) IN (SELECT w ->> 'Schema', w ->> 'Name' FROM pg_catalog.json_array_elements($1::pg_catalog.json) AS w)
   OR pipeline = $2 AND sink = $3 AND source_oid IN (SELECT w::pg_catalog.text::pg_catalog.oid FROM pg_catalog.json_array_elements($4::pg_catalog.json) AS w)`

const enterQuery = `
WITH entered AS (
  INSERT INTO tailrace.tables AS t (target_schema, target_table, pipeline, sink, source_schema, source_table, source_oid,
      columns)
  SELECT w ->> 'Schema', w ->> 'Table', $2, $3, w ->> 'SourceSchema', w ->> 'Source', (w ->> 'OID')::pg_catalog.oid,
      (w -> 'Columns')::pg_catalog.jsonb
  FROM pg_catalog.json_array_elements($1::pg_catalog.json) AS w
  ON CONFLICT (target_schema, target_table) DO UPDATE SET source_schema = excluded.source_schema,
      source_table = excluded.source_table, source_oid = excluded.source_oid, columns = excluded.columns
  WHERE t.pipeline = excluded.pipeline AND t.sink = excluded.sink
  RETURNING target_schema, target_table)
SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Schema', target_schema, 'Name', target_table)) FROM entered`

// registered is what tailrace.tables contains about a source table and its target.
type registered struct {
	here  *entry // the entry of the target; nil: nothing fills it
	other *entry // the entry of the source table, if it is for another target
	made  bool   // this transaction has created the target
}

// enter records the current shapes of source tables and targets.
func (c *Catalog) enter(ctx context.Context, conn *pgconn.PgConn, entries []entry) error {
	var entered []place
	if err := ask(ctx, conn, &entered, enterQuery, entries, c.Pipeline, c.Sink); err != nil {
		return fmt.Errorf("write tailrace.tables: %w", err)
	}
	for _, e := range entries {
		if !slices.Contains(entered, place{e.Schema, e.Table}) {
			return &capture.Problem{State: "target_changing", Reason: "another sink has just taken " + quote(e.Schema, e.Table)}
		}
	}
	return nil
}

// enterTypes records which parts of the types of source tables are which ones of the target's.
func (c *Catalog) enterTypes(ctx context.Context, conn *pgconn.PgConn, plans []*planned) error {
	var entries []typeEntry
	for _, p := range plans {
		for _, e := range p.types.seen {
			c.remember(&e)
			known := slices.ContainsFunc(p.types.known, func(k typeEntry) bool { return k.Schema == e.Schema && k.Type == e.Type && e.equal(&k) })
			entered := slices.ContainsFunc(entries, func(o typeEntry) bool { return o.Schema == e.Schema && o.Type == e.Type })
			if !known && !entered {
				entries = append(entries, e)
			}
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if err := ask(ctx, conn, new(int), enterTypesQuery, entries, c.Pipeline, c.Sink); err != nil {
		return fmt.Errorf("write tailrace.types: %w", err)
	}
	return nil
}

// remember keeps the previous names of labels for Explain.
func (c *Catalog) remember(e *typeEntry) {
	var former []string
	for _, k := range e.Parts {
		former = append(former, k.Former...)
	}
	if c.former == nil {
		c.former = map[string][]string{}
	}
	c.former[quote(e.Schema, e.Type)] = former
}

// moveEntry returns the SQL that lets the entry of a target follow it to another name. Its source keeps the name that it had,
// by which laterNames recognizes rows from before it was renamed.
func moveEntry(schema, table, toSchema, toTable string) string {
	return "UPDATE tailrace.tables SET (target_schema, target_table) = (" + literal(toSchema) + ", " + literal(toTable) +
		") WHERE (target_schema, target_table) = (" + literal(schema) + ", " + literal(table) + ")"
}

// swapEntries returns the SQL that lets the entries of two targets follow them when they exchange their names.
func swapEntries(schema, table, otherSchema, otherTable string) string {
	a, b := literal(schema)+", "+literal(table), literal(otherSchema)+", "+literal(otherTable)
	return "UPDATE tailrace.tables t SET (source_schema, source_table, source_oid, columns) = " +
		"(o.source_schema, o.source_table, o.source_oid, o.columns) FROM tailrace.tables o " +
		"WHERE (t.target_schema, t.target_table, o.target_schema, o.target_table) IN ((" + a + ", " + b + "), (" + b + ", " + a + "))"
}

// laterNames returns tables under the names of their targets. They differ where an operator has renamed a target, and its
// entry, like its source table: rows from before that may come again, under the former name.
func (c *Catalog) laterNames(f *facts, tables []*capture.Table) (later []*capture.Table, moved bool) {
	later = slices.Clone(tables)
	for i, t := range tables {
		e := c.registered(f, t).other
		if e == nil || e.SourceSchema != t.Schema || e.Source != t.Name {
			continue
		}
		renamed := *t
		renamed.Name = e.Table
		if c.Schema == "" {
			renamed.Schema = e.Schema
		}
		if c.home(&renamed) == e.Schema {
			later[i], moved = &renamed, true
		}
	}
	return later, moved
}

// forgetNumbers returns the SQL after which the columns of a target are matched by name. latest is the highest number that a column of
// the source has by now. The types remain: they tell what an operator has altered from what another column has left behind.
func forgetNumbers(schema, table string, latest int16) string {
	return alterRecord(schema, table, "NOT c ? 'Gone'", map[string]any{"Number": 0, "Latest": latest})
}

// alterRecord returns the SQL that sets fields of the recorded columns of a target for which a condition on the column c is true.
func alterRecord(schema, table, condition string, set map[string]any) string {
	fields, _ := json.Marshal(set) // cannot fail: numbers and strings
	return "UPDATE tailrace.tables SET columns = (SELECT jsonb_agg(CASE WHEN " + condition + " THEN c || " + literal(string(fields)) +
		" ELSE c END) FROM jsonb_array_elements(columns) AS c) WHERE (target_schema, target_table) = (" + literal(schema) + ", " + literal(table) + ")"
}

// forget returns the SQL that deletes the entry of a target, so that the target is adopted as it is.
func forget(schema, table string) string {
	return "DELETE FROM tailrace.tables WHERE (target_schema, target_table) = (" + literal(schema) + ", " + literal(table) + ")"
}
