package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Read opens a connection for queries, without a time limit, on which values are printed as in the stream. It also returns
// the name of the publication that the stream carries. The caller closes the connection.
func (s *Settings) Read(ctx context.Context, pipeline string) (*pgconn.PgConn, string, error) {
	c, err := s.Config(pipeline)
	if err != nil {
		return nil, "", err
	}
	conn, err := c.control(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := pgconnect.Exec(ctx, conn, "SET statement_timeout = 0"); err != nil {
		hangUp(ctx, conn.Close)
		return nil, "", problem.Named("prepare connection", err)
	}
	return conn.PgConn(), c.Publication, nil
}
