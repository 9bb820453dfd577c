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
	ctx, cancel := context.WithTimeout(context.Background(), process.Patience)
	defer cancel()
	s.sessions.close(ctx) // statements such as DROP DATABASE wait for other sessions
	conn, err := s.connect(ctx, database)
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("testenv: %s: %v", statement, err)
		}
	}
}

// Query runs a query in a database and returns its single value. The session is used again by the next Query, until Exec runs
// on the server.
func (s *PostgresServer) Query(t testing.TB, database, query string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), process.Patience)
	defer cancel()
	value, err := s.query(ctx, database, query)
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	return value
}

func (s *PostgresServer) query(ctx context.Context, database, query string) (string, error) {
	conn := s.sessions.take(ctx, database)
	if conn == nil {
		var err error
		if conn, err = s.connect(ctx, database); err != nil {
			return "", err
		}
	}
	defer s.sessions.put(ctx, database, conn)
	var value *string
	if err := conn.QueryRow(ctx, "SELECT ("+query+")::text").Scan(&value); err != nil {
		return "", fmt.Errorf("%s: %w", query, err)
	}
	if value == nil {
		return "", nil
	}
	return *value, nil
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
