package postgres

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// Read opens a connection for queries and repairs, without time limits and with the default planner settings. It prints and reads
// values as the source does. The caller closes it.
func (s *Settings) Read(ctx context.Context, pipeline, name string) (*pgconn.PgConn, error) {
	db, err := s.make(pipeline, name, zap.NewNop()).connect(ctx)
	if err != nil {
		return nil, err
	}
	err = db.Run(ctx, `SET statement_timeout = 0; SET enable_hashjoin = on; SET enable_mergejoin = on; SET enable_seqscan = on;
		SET plan_cache_mode = auto`)
	if err != nil {
		db.Close()
		return nil, named("prepare connection", err)
	}
	return db.PG, nil
}

// Lands returns the schema and name of the target of a source table.
func (s *Settings) Lands(schema, table string) (string, string) {
	if s.Schema != "" {
		schema = s.Schema
	}
	return schema, table
}

// Keeps reports whether the replica keeps rows that the source deletes.
func (s *Settings) Keeps() bool { return s.Deletes == "keep" || s.Truncate == "ignore" }

// Durable reads the durable position, on a connection of Read. It is zero when there is no record.
func (s *Settings) Durable(ctx context.Context, pg *pgconn.PgConn, pipeline, name string) (p capture.Position, err error) {
	db := &dml.Conn{PG: pg}
	rows, err := db.Query(ctx, `SELECT position, seq FROM tailrace.progress
		WHERE pipeline = $1 AND sink = $2 AND position IS NOT NULL ORDER BY position LIMIT 1`, []byte(pipeline), []byte(name))
	if err != nil || len(rows) == 0 {
		return p, named("read progress", err)
	}
	if p.LSN, err = capture.ParseLSN(string(rows[0][0])); err == nil {
		p.Seq, err = strconv.ParseUint(string(rows[0][1]), 10, 64)
	}
	return p, named("read progress", err)
}
