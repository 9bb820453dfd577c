package decode

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/capture/postgres/problem"
)

// CopyTable is a table of a copy of rows.
type CopyTable struct {
	OID          uint32
	Schema, Name string
	Columns      []string // that the copy reads

	Table *capture.Table // set by DescribeTables; its Columns are those that the copy reads, in the table's order
	Root  bool           // set by DescribeTables: of a partition tree
	// Reduction is set by DescribeTables: how the rows of the copy are reduced, by the copy's own goroutine; nil: they are not. Full is
	// then the table before that.
	Reduction *Reduction
	Full      *capture.Table
}

// copyShape reads what a relation message would have about a published table. The INCLUDE columns of an index are not part of an
// identity.
const copyShape = `
SELECT c.relreplident::text, c.relkind = 'p', a.attname, a.atttypid, a.atttypmod,
       CASE c.relreplident WHEN 'f' THEN true WHEN 'n' THEN false ELSE EXISTS (
           SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts-1])
           AND CASE c.relreplident WHEN 'd' THEN i.indisprimary AND i.indimmediate ELSE i.indisreplident END) END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.oid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY ($2) ORDER BY a.attnum`

// DescribeCopy completes the tables of a copy as the transaction of conn shows them, in the way in which the stream would
// describe them. A table whose rows would lack a part of its key is an error.
func (r *Relations) DescribeCopy(ctx context.Context, conn *pgx.Conn, list []CopyTable) error {
	if err := r.DescribeTables(ctx, conn, list); err != nil {
		return err
	}
	for i := range list {
		t := &list[i]
		if _, err := r.table(t.OID, capture.Insert); err != nil {
			return problem.Named("read table "+t.Schema+"."+t.Name, err)
		}
		if t.Reduction != nil && t.Reduction.halt != nil {
			return t.Reduction.halt
		}
	}
	return nil
}

// DescribeTables is DescribeCopy for tables of which no row is read.
func (r *Relations) DescribeTables(ctx context.Context, conn *pgx.Conn, list []CopyTable) error {
	oids := make([]uint32, len(list))
	for i := range list {
		oids[i] = list[i].OID
	}
	all, err := tables(ctx, conn, oids)
	if err != nil {
		return problem.Named("read tables", err)
	}
	r.learn(all)
	for i := range list {
		t := &list[i]
		if err := r.describeTable(ctx, conn, t, all.tables[t.OID]); err != nil {
			return problem.Named("read table "+t.Schema+"."+t.Name, err)
		}
	}
	return nil
}

func (r *Relations) describeTable(ctx context.Context, conn *pgx.Conn, t *CopyTable, d description) error {
	rel := pgoutput.Relation{ID: t.OID, Schema: t.Schema, Name: t.Name}
	rows, err := conn.Query(ctx, copyShape, t.OID, t.Columns)
	if err != nil {
		return err
	}
	var identity string
	var col pgoutput.Column
	_, err = pgx.ForEachRow(rows, []any{&identity, &t.Root, &col.Name, &col.Type, &col.Modifier, &col.Key}, func() error {
		rel.Identity = identity[0]
		rel.Columns = append(rel.Columns, col)
		return nil
	})
	if err != nil {
		return err
	}
	if err := r.resolve(ctx, &rel, d); err != nil {
		return err
	}
	t.Table = r.describe(&rel, d, true)
	t.Reduction, t.Full = r.copyReduction(&rel), t.Table
	if t.Reduction != nil {
		t.Full = t.Reduction.full
	}
	return nil
}
