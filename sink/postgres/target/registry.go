package target

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// tailrace.tables in the target says which source table fills which target table, and what both looked like when the
// last row of a new shape came: a renamed or re-made table or column is known by its number, not by its name. Columns that
// the source has dropped stay in it. A row that is deleted lets the two be taken as they are.
const makeRegistry = `
CREATE TABLE tailrace.tables (
    target_schema text, target_table text, pipeline text NOT NULL, sink text NOT NULL,
    source_schema text NOT NULL, source_table text NOT NULL, source_oid oid NOT NULL,
    columns jsonb NOT NULL, created timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (target_schema, target_table));
CREATE INDEX ON tailrace.tables (pipeline, sink, source_oid)`

// lockNumber is of the advisory lock that those hold who make what every sink shares: the same as for tailrace.progress.
const lockNumber = 7_381_920_465

// Prepare makes the schema tailrace and the table tailrace.tables when they are absent, and the Catalog's schema. Call it
// in a transaction of its own, before the first Relation: sinks that start at once then do not wait for each other's
// rows.
func (c *Catalog) Prepare(ctx context.Context, conn *pgconn.PgConn) error {
	missing := struct{ Ours, Tables, Schema bool }{}
	err := ask(ctx, conn, &missing, `SELECT pg_catalog.json_build_object(
		'Ours', pg_catalog.to_regnamespace('tailrace') IS NULL, 'Tables', pg_catalog.to_regclass('tailrace.tables') IS NULL,
		'Schema', $1::pg_catalog.text <> '' AND NOT EXISTS (
			SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = $1::pg_catalog.text))`, c.Schema)
	if err != nil {
		return fmt.Errorf("look for tailrace.tables: %w", err)
	}
	if !missing.Ours && !missing.Tables && !missing.Schema {
		return nil
	}
	lock := fmt.Sprintf("SELECT pg_catalog.pg_advisory_xact_lock(%d)", int64(lockNumber))
	for _, sql := range []string{
		lock, "DO $$ BEGIN IF pg_catalog.to_regnamespace('tailrace') IS NULL THEN CREATE SCHEMA tailrace; END IF; END $$",
		`DO $$ BEGIN IF pg_catalog.to_regclass('tailrace.tables') IS NULL THEN` + makeRegistry + `; END IF; END $$`,
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

// entry is a row of tailrace.tables.
type entry struct {
	Pipeline, Sink       string
	Source, SourceSchema string
	OID                  uint32
	Schema, Table        string
	Columns              []known
	New                  bool // since this transaction
}

// known is a column as it was seen last.
type known struct {
	Number int16  // of the source's column; 0: not known, or the source never had it
	Name   string // the source's
	Type   string // that the source's was, as the target writes it
	Target string // the target's
	Place  int16  // the number of the target's column
	Latest int16  `json:",omitempty"` // the highest number that an unsure column may have had; 0: it was not unsure
	// Gone is a column that only the target has: the source has dropped it, or never had it. A column that the source adds
	// later under its name is another one.
	Gone bool `json:",omitempty"`
}

// source is what is known of a column of the source: by its number, and by its name where that is not known.
func (e *entry) source(c *capture.Column) *known {
	if e == nil {
		return nil
	}
	for i := range e.Columns {
		k := &e.Columns[i]
		if c.Number != 0 && k.Number == c.Number {
			return k
		}
	}
	for i := range e.Columns {
		k := &e.Columns[i]
		if !k.Gone && k.Name == c.Name && (c.Number == 0 || k.Number == 0) && !k.older(c) {
			return k
		}
	}
	return nil
}

// older reports whether a column of the source was added after one that was unsure when it was recorded.
func (k *known) older(c *capture.Column) bool {
	return k.Number == 0 && k.Latest != 0 && c.Number > k.Latest
}

// maybe reports whether a column of the source may be another one than that which was recorded under its name.
func (k *known) maybe(c *capture.Column) bool {
	if k.Number == 0 {
		return k.Latest != 0 && c.Unsure && c.Latest > k.Latest
	}
	return k.Number != c.Number
}

// byName is what is known of a column that the source had under a name; nil: it had none.
func (e *entry) byName(name string) *known {
	for i := range e.Columns {
		if k := &e.Columns[i]; k.Name == name && !k.Gone {
			return k
		}
	}
	return nil
}

// at is what is known of a column of the target, by its number.
func (e *entry) at(place int16) *known {
	if e == nil {
		return nil
	}
	for i := range e.Columns {
		if e.Columns[i].Place == place {
			return &e.Columns[i]
		}
	}
	return nil
}

// dropped reports whether a column of the target is one that a source's table had and has no more.
func (e *entry) dropped(place int16, t *capture.Table) bool {
	k := e.at(place)
	return k != nil && k.Number != 0 && !slices.ContainsFunc(t.Columns, func(c capture.Column) bool { return c.Number == k.Number })
}

const entriesQuery = `
SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Pipeline', pipeline, 'Sink', sink, 'SourceSchema', source_schema,
    'Source', source_table, 'OID', source_oid::pg_catalog.int8, 'Schema', target_schema, 'Table', target_table,
    'Columns', columns, 'New', created = pg_catalog.now()))
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

// registered is what is known of a source table and of the target that it is for.
type registered struct {
	here  *entry // fills the target; nil: nothing does
	other *entry // the source's entry, where that is for another target
}

// enter records what shapes and their targets look like now.
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

// forget is the SQL that lets a target be taken as it is.
func forget(schema, table string) string {
	return "DELETE FROM tailrace.tables WHERE (target_schema, target_table) = (" + literal(schema) + ", " + literal(table) + ")"
}
