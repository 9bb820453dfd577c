package target

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// found is a relation that exists in the target.
type found struct {
	place
	OID     uint32
	Kind    string // pg_class.relkind
	Columns []foundColumn
	Indexes []index
}

// place is the name of a table in the target.
type place struct{ Schema, Name string }

// foundColumn is a column of a found relation.
type foundColumn struct {
	Column
	Full         string // the type with its modifier
	Number       int16
	Required     bool // NOT NULL
	Default      bool // it has a default
	PlainDefault bool // it has a default, and is neither an identity nor a generated column
}

// index is a unique index without a predicate, so it covers all rows.
type index struct {
	Name    string // of the constraint
	Primary bool
	Late    bool // it is deferrable: checked at the end of a statement or a transaction
	Columns []string
}

// findQuery reads relations by name. format_type with the modifier -1 returns the type without a modifier; with NULL it
// would return "character", which SQL interprets as character(1).
var findQuery = `
SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Schema', n.nspname, 'Name', c.relname, 'OID', c.oid::pg_catalog.int8, 'Kind', c.relkind,
  'Columns', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Name', a.attname, 'Number', a.attnum,
      'Type', pg_catalog.format_type(a.atttypid, -1), 'Full', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'Array', b.is_array, 'Generated', a.attgenerated <> '', 'Identity', a.attidentity = 'a',
      'Required', a.attnotnull, 'Default', a.atthasdef OR a.attidentity <> '',
      'PlainDefault', a.atthasdef AND a.attgenerated = '',
      'Equal', EXISTS (SELECT FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod
        WHERE m.amname = 'btree' AND o.opcdefault AND (o.opcintype = e.oid
          OR o.opcintype = CASE e.typtype WHEN 'e' THEN 'pg_catalog.anyenum'::pg_catalog.regtype
            WHEN 'r' THEN 'pg_catalog.anyrange'::pg_catalog.regtype
            WHEN 'm' THEN pg_catalog.to_regtype('pg_catalog.anymultirange') END
          OR EXISTS (SELECT FROM pg_catalog.pg_cast k WHERE k.castsource = e.oid AND k.casttarget = o.opcintype
            AND k.castmethod = 'b' AND k.castcontext = 'i')))
      ) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
    CROSS JOIN LATERAL (` + baseOf("a.atttypid") + `) b
    CROSS JOIN LATERAL (` + baseOf("CASE WHEN b.is_array THEN b.typelem ELSE b.oid END") + `) e
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'Indexes', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Name', ic.relname, 'Primary', i.indisprimary, 'Late', NOT i.indimmediate,
      'Columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY k.ord)
        FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (num, ord)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
        WHERE k.ord <= i.indnkeyatts)))
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
    WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
      AND i.indexprs IS NULL)))
FROM pg_catalog.json_to_recordset($1::pg_catalog.json) AS wanted ("Schema" pg_catalog.name, "Name" pg_catalog.name)
JOIN pg_catalog.pg_namespace n ON n.nspname = wanted."Schema"
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted."Name" AND c.relkind NOT IN ('i', 'I', 't', 'c')`

// baseOf returns the query for the type with an OID. A domain is resolved to its underlying base type.
func baseOf(oid string) string {
	return `
      WITH RECURSIVE d (oid, base) AS (
        SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = ` + oid + `
        UNION ALL
        SELECT t.oid, t.typbasetype FROM d JOIN pg_catalog.pg_type t ON t.oid = d.base
      ) SELECT t.oid, t.typtype, t.typelem, t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc AS is_array
        FROM d JOIN pg_catalog.pg_type t ON t.oid = d.oid WHERE t.typtype <> 'd'`
}

// find reads a relation by its name. It returns nil when there is none.
func find(ctx context.Context, conn *pgconn.PgConn, schema, name string) (*found, error) {
	var all []*found
	if err := ask(ctx, conn, &all, findQuery, []place{{schema, name}}); err != nil {
		return nil, fmt.Errorf("read table %s: %w", quote(schema, name), err)
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all[0], nil
}

func (f *found) column(name string) *foundColumn {
	for i := range f.Columns {
		if f.Columns[i].Name == name {
			return &f.Columns[i]
		}
	}
	return nil
}

// at returns the column with a number, or nil.
func (f *found) at(number int16) *foundColumn {
	for i := range f.Columns {
		if number != 0 && f.Columns[i].Number == number {
			return &f.Columns[i]
		}
	}
	return nil
}

// unique returns the index on exactly these columns, in any order, or nil. It skips deferrable indexes unless deferrable is set.
func (f *found) unique(names []string, deferrable bool) *index {
	names = slices.Sorted(slices.Values(names))
	for i := range f.Indexes {
		if (deferrable || !f.Indexes[i].Late) && slices.Equal(slices.Sorted(slices.Values(f.Indexes[i].Columns)), names) {
			return &f.Indexes[i]
		}
	}
	return nil
}

// primary returns the primary key, or nil.
func (f *found) primary() *index {
	for i := range f.Indexes {
		if f.Indexes[i].Primary {
			return &f.Indexes[i]
		}
	}
	return nil
}
