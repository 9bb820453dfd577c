package cache

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is the database that load reads, as a proof asks it. PGX and SQL return one.
type DB interface {
	// QueryRow runs a query that returns one row.
	QueryRow(ctx context.Context, query string, args []any, dest ...any) error
	// IsSession reports whether all queries run in one session, so that a transaction may be open in it.
	IsSession() bool
}

// PGX returns a *pgxpool.Pool, *pgx.Conn, pgx.Tx, or what wraps one of them, as a DB.
func PGX(q interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
},
) DB {
	_, pool := q.(*pgxpool.Pool)
	return queryFunc{session: !pool, query: func(ctx context.Context, query string, args []any, dest ...any) error {
		return q.QueryRow(ctx, query, args...).Scan(dest...)
	}}
}

// SQL returns a *sql.DB, *sql.Conn, *sql.Tx, or what wraps one of them, as a DB.
func SQL(q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
},
) DB {
	_, pool := q.(*sql.DB)
	return queryFunc{session: !pool, query: func(ctx context.Context, query string, args []any, dest ...any) error {
		return q.QueryRowContext(ctx, query, args...).Scan(dest...)
	}}
}

type queryFunc struct {
	query   func(ctx context.Context, query string, args []any, dest ...any) error
	session bool
}

func (q queryFunc) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	return q.query(ctx, query, args, dest...)
}

func (q queryFunc) IsSession() bool { return q.session }

// CurrentLSN returns the end of the primary's WAL, for Invalidate.
func CurrentLSN(ctx context.Context, db DB) (LSN, error) {
	var text string
	if err := db.QueryRow(ctx, "SELECT pg_catalog.pg_current_wal_insert_lsn()::pg_catalog.text", nil, &text); err != nil {
		return 0, fmt.Errorf("cache: read the current LSN: %w", err)
	}
	return parseLSN(text)
}

func parseLSN(text string) (LSN, error) {
	high, low, _ := strings.Cut(text, "/")
	h, err1 := strconv.ParseUint(high, 16, 32)
	l, err2 := strconv.ParseUint(low, 16, 32)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("cache: not an LSN: %q", text)
	}
	return LSN(h<<32 | l), nil
}
