package postgres

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestContract(t *testing.T) {
	onVersions(t, contract)
}

func contract(t *testing.T, s *testenv.PostgresServer) {
	capturetest.Run(t, func(t *testing.T) capturetest.Server {
		db := testenv.NewDatabase(t, s)
		s.ExecIn(t, db, `CREATE TABLE ledger (id int PRIMARY KEY, ver int NOT NULL)`,
			`CREATE SCHEMA private`, `CREATE TABLE private.noise (v text)`)
		return capturetest.Server{
			Source: func(t *testing.T) capture.Source { return New(testConfig(s, db), zaptest.NewLogger(t)) },
			Begin:  func(t *testing.T, rows ...capturetest.Row) func() { return beginRows(t, s.URL(db), rows) },
			Idle:   func(t *testing.T) { s.ExecIn(t, db, `INSERT INTO private.noise SELECT repeat('x', 1000)`) },
			Cut: func(t *testing.T) {
				s.ExecIn(t, db, `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
					WHERE database = current_database() AND active`)
			},
		}
	})
}

// beginRows writes rows in a transaction of its own connection; what it returns commits it.
func beginRows(t *testing.T, url string, rows []capturetest.Row) (commit func()) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	conn, err := pgx.Connect(t.Context(), url)
	must(err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	tx, err := conn.Begin(t.Context())
	must(err)
	const most = 1000 // a statement must not meet a row twice
	for len(rows) > 0 {
		n := min(most, len(rows))
		var ids, versions []int
		for _, r := range rows[:n] {
			ids, versions = append(ids, r.Key), append(versions, r.Version)
		}
		_, err := tx.Exec(t.Context(), `INSERT INTO ledger SELECT * FROM unnest($1::int[], $2::int[])
			ON CONFLICT (id) DO UPDATE SET ver = excluded.ver`, ids, versions)
		must(err)
		rows = rows[n:]
	}
	return func() {
		t.Helper()
		must(tx.Commit(t.Context()))
		must(conn.Close(t.Context()))
	}
}
