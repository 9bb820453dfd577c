package target

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// tailrace.tables in the target says which source table fills which target table, and what both looked like when the
// last row of a new shape came: a renamed or re-made table or column is known by its number, not by its name. A row that
// is deleted lets the two be taken as they are.
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
	Number int16
	Name   string
	Type   string // that the source's was, as the target writes it
	Target string // the target's
	Place  int16  // the number of the target's column
}

func (e *entry) byNumber(n int16) *known {
	for i := range e.Columns {
		if n != 0 && e.Columns[i].Number == n {
			return &e.Columns[i]
		}
	}
	return nil
}

func (e *entry) byName(name string) *known {
	for i := range e.Columns {
		if e.Columns[i].Name == name {
			return &e.Columns[i]
		}
	}
	return nil
}

const entriesQuery = `
SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Pipeline', pipeline, 'Sink', sink, 'SourceSchema', source_schema,
    'Source', source_table, 'OID', source_oid::pg_catalog.int8, 'Schema', target_schema, 'Table', target_table,
    'Columns', columns, 'New', created = pg_catalog.now()))
FROM tailrace.tables
WHERE target_schema = $1 AND target_table = $2
   OR pipeline = $3 AND sink = $4 AND source_oid = $5::pg_catalog.text::pg_catalog.oid AND source_oid <> 0`

const enterQuery = `
WITH entered AS (
  INSERT INTO tailrace.tables AS t (target_schema, target_table, pipeline, sink, source_schema, source_table, source_oid,
      columns)
  VALUES ($1, $2, $3, $4, $5, $6, $7::pg_catalog.text::pg_catalog.oid, $8)
  ON CONFLICT (target_schema, target_table) DO UPDATE SET source_schema = excluded.source_schema,
      source_table = excluded.source_table, source_oid = excluded.source_oid, columns = excluded.columns
  WHERE t.pipeline = excluded.pipeline AND t.sink = excluded.sink
  RETURNING 1)
SELECT pg_catalog.json_build_object('Ours', (SELECT pg_catalog.count(*) FROM entered) = 1)`

// registered is what is known of a source table and of the target that it is for.
type registered struct {
	here  *entry // fills the target; nil: nothing does
	other *entry // the source's entry, where that is for another target
}

func (c *Catalog) registered(ctx context.Context, conn *pgconn.PgConn, schema string, t *capture.Table) (registered, error) {
	var all []entry
	var r registered
	err := ask(ctx, conn, &all, entriesQuery, schema, t.Name, c.Pipeline, c.Sink, fmt.Sprint(t.OID))
	if err != nil {
		return r, fmt.Errorf("read tailrace.tables: %w", err)
	}
	for i := range all {
		if all[i].Schema == schema && all[i].Table == t.Name {
			r.here = &all[i]
		} else {
			r.other = &all[i]
		}
	}
	return r, nil
}

// enter notes what a shape and its target look like now. false: the target is another sink's.
func (c *Catalog) enter(ctx context.Context, conn *pgconn.PgConn, schema string, t *capture.Table, columns []known) (bool, error) {
	var answer struct{ Ours bool }
	err := ask(ctx, conn, &answer, enterQuery, schema, t.Name, c.Pipeline, c.Sink, t.Schema, t.Name, fmt.Sprint(t.OID), columns)
	if err != nil {
		return false, fmt.Errorf("write tailrace.tables: %w", err)
	}
	return answer.Ours, nil
}

// forget is the SQL that lets a target be taken as it is.
func forget(schema, table string) string {
	return "DELETE FROM tailrace.tables WHERE (target_schema, target_table) = (" + literal(schema) + ", " + literal(table) + ")"
}
