package publication

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Planned returns the tables under the names that a stream has for them once the publication matches the file, with the columns that
// it carries; their filters and sizes are not read. With manage = false those are the tables that the publication has now. It changes
// nothing, and the publication of a managed one need not exist.
func (c *Config) Planned(ctx context.Context, conn *pgx.Conn) ([]Table, error) {
	if !c.Manage {
		return c.plannedByOthers(ctx, conn)
	}
	targets, errs := c.resolve(ctx, conn)
	if len(errs) > 0 {
		return nil, problem.Together(errs)
	}
	major := pgconnect.Major(conn.PgConn())
	var tables []Table
	for _, t := range targets {
		tables = append(tables, Table{OID: t.OID, Schema: t.Schema, Name: t.Name, Columns: t.carried(major)})
	}
	return tables, nil
}

func (c *Config) plannedByOthers(ctx context.Context, conn *pgx.Conn) ([]Table, error) {
	d, err := c.define(ctx, conn)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, c.Missing(nil)
	}
	return c.ReadTables(ctx, conn)
}
