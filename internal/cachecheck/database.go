package cachecheck

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Database is a fixed number of connections. Any goroutine may use it.
type Database struct{ idle chan *pgx.Conn }

// Connect opens n connections.
func Connect(ctx context.Context, url string, n int) (*Database, error) {
	d := &Database{idle: make(chan *pgx.Conn, n)}
	for range n {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return nil, err
		}
		d.idle <- conn
	}
	return d, nil
}

// scan runs a query that returns one row, in a transaction of its own.
func (d *Database) scan(ctx context.Context, into []any, query string, args ...any) error {
	conn := <-d.idle
	defer func() { d.idle <- conn }()
	return conn.QueryRow(ctx, query, args...).Scan(into...)
}

// Rows are those that a key depends on.
type Rows struct{ First, N int }

// versions reads rows in one snapshot.
func (d *Database) versions(ctx context.Context, rows Rows) (versions []int64, err error) {
	err = d.scan(ctx, []any{&versions}, "SELECT array_agg(version ORDER BY id) FROM hot WHERE id >= $1 AND id < $1 + $2", rows.First, rows.N)
	return versions, err
}

// lsn reads a position in the WAL by a function of the server.
func (d *Database) lsn(ctx context.Context, function string) (lsn int64, err error) {
	err = d.scan(ctx, []any{&lsn}, "SELECT ("+function+"() - '0/0')::bigint")
	return lsn, err
}

// Close closes the connections. No query may be running.
func (d *Database) Close(ctx context.Context) {
	for range cap(d.idle) {
		_ = (<-d.idle).Close(ctx)
	}
}
