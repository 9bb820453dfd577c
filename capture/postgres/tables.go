package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/capture/postgres/problem"
)

// Tables implements daemon.TableLister: the tables that the publication has, or would have after a start, in the shapes in which a
// stream would describe them now. It changes nothing.
func (s *Settings) Tables(ctx context.Context, pipeline string) ([]*capture.Table, error) {
	c, err := s.Config(pipeline)
	if err != nil {
		return nil, err
	}
	return c.shapes(ctx)
}

func (c *Config) shapes(ctx context.Context) ([]*capture.Table, error) {
	conn, err := c.control(ctx)
	if err != nil {
		return nil, err
	}
	defer hangUp(ctx, conn.Close)
	// One snapshot: a table must not change between the queries. It takes no lock on any table.
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, problem.Named("read tables", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	planned, err := c.publication().Planned(ctx, conn)
	if err != nil {
		return nil, err
	}
	lend := func(_ context.Context, use func(*pgx.Conn) error) error { return use(conn) }
	list := make([]decode.CopyTable, len(planned))
	for i, t := range planned {
		list[i] = decode.CopyTable{OID: t.OID, Schema: t.Schema, Name: t.Name, Columns: t.Columns}
	}
	if err := decode.NewRelations(lend, c.keys(), "").DescribeTables(ctx, conn, list); err != nil {
		return nil, err
	}
	tables := make([]*capture.Table, len(list))
	for i := range list {
		tables[i] = list[i].Table
	}
	return tables, nil
}
