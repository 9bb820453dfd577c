package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Describe calls use with a published table as a copy of its rows would describe it. No DDL can change the table until use
// has returned, so up to the end of the source's WAL that use reads the table has no later shape.
func (s *Settings) Describe(ctx context.Context, pipeline, schema, name string, use func(*capture.Table) error) error {
	c, err := s.Config(pipeline)
	if err != nil {
		return err
	}
	conn, err := c.control(ctx)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn.Close) // which ends the transaction
	for _, sql := range []string{
		"SET statement_timeout = 0", "SET idle_in_transaction_session_timeout = 0", "BEGIN READ ONLY",
		"LOCK TABLE " + pgconnect.Ident(schema, name) + " IN ACCESS SHARE MODE",
	} {
		if err := pgconnect.Exec(ctx, conn, sql); err != nil {
			return problem.Named("lock table "+schema+"."+name, err)
		}
	}
	t, err := c.describeTable(ctx, conn, schema, name)
	if err != nil {
		return problem.Named("read table "+schema+"."+name, err)
	}
	return use(t)
}

func (c *Config) describeTable(ctx context.Context, conn *pgx.Conn, schema, name string) (*capture.Table, error) {
	all, err := c.publication().ReadTables(ctx, conn)
	if err != nil {
		return nil, err
	}
	lend := func(_ context.Context, use func(*pgx.Conn) error) error { return use(conn) }
	baselines, err := c.publication().ReadBaselines(ctx, conn)
	if err != nil {
		return nil, err
	}
	r := decode.NewRelations(lend, c.keys(), "")
	c.reduce(r, baselines)
	if err := r.Preload(ctx, conn, c.Publication); err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.Schema == schema && t.Name == name {
			list := []decode.CopyTable{{OID: t.OID, Schema: schema, Name: name, Columns: t.Columns}}
			err := r.DescribeCopy(ctx, conn, list)
			return list[0].Table, err
		}
	}
	return nil, fmt.Errorf("publication %s does not have table %s.%s any more", c.Publication, schema, name)
}
