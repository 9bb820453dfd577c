package testenv

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/testenv/process"
)

// Exec runs statements in the database postgres, each in a transaction of its own.
func (s *PostgresServer) Exec(t testing.TB, statements ...string) {
	t.Helper()
	s.ExecIn(t, "postgres", statements...)
}

// ExecIn runs statements in a database, each in a transaction of its own. It connects over the Unix socket, whatever the
// HBA rules and proxies are.
func (s *PostgresServer) ExecIn(t testing.TB, database string, statements ...string) {
	t.Helper()
	s.within(t, database, func(ctx context.Context, conn *pgx.Conn) error {
		for _, statement := range statements {
			if _, err := conn.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}

// Query runs a query in a database and returns its single value.
func (s *PostgresServer) Query(t testing.TB, database, query string) string {
	t.Helper()
	var value *string
	s.within(t, database, func(ctx context.Context, conn *pgx.Conn) error {
		if err := conn.QueryRow(ctx, "SELECT ("+query+")::text").Scan(&value); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
		return nil
	})
	if value == nil {
		return ""
	}
	return *value
}

// within calls do with a connection to a database, and fails the test when it fails.
func (s *PostgresServer) within(t testing.TB, database string, do func(context.Context, *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), process.Patience)
	defer cancel()
	conn, err := s.connect(ctx, database)
	if err == nil {
		defer conn.Close(ctx)
		err = do(ctx, conn)
	}
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
}

// NewDatabase creates an empty database with a unique name and returns the name. When the test ends, the database
// is dropped, with the replication slots in it.
func NewDatabase(t testing.TB, s *PostgresServer) string {
	t.Helper()
	name := fmt.Sprintf("test_%08x", rand.Uint32())
	s.Exec(t, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		if !s.process.Running() {
			return
		}
		slots := " FROM pg_replication_slots WHERE database = '" + name + "'"
		s.Exec(t, "SELECT pg_terminate_backend(active_pid, 30000)"+slots+" AND active",
			"SELECT pg_drop_replication_slot(slot_name)"+slots, "DROP DATABASE "+name+" WITH (FORCE)")
	})
	return name
}
