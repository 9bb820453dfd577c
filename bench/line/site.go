package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/testenv"
)

// site is the servers with the backlog. The slot "base" stands before it; each run drains a copy.
type site struct {
	options
	pg     *testenv.PostgresServer
	kafka  *testenv.KafkaServer
	conn   *pgx.Conn
	dir    string
	binary string
	end    string // LSN
	bytes  int64
}

const table = `CREATE TABLE bench (id bigint PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL,
	total numeric(12,2) NOT NULL, note text, updated_at timestamptz NOT NULL)`

// insert makes one transaction of the rows from $1 to $2.
const insert = `INSERT INTO bench SELECT g, g %% 1000, 'paid', g / 7.0, 'a note of some forty characters, no. ' || g, now()
	FROM generate_series(%s, %s) g`

func newSite(ctx context.Context, o options) (s *site, err error) {
	s = &site{options: o}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "tailrace-bench-"); err != nil {
		return s, err
	}
	s.binary = filepath.Join(s.dir, "tailrace")
	build := exec.CommandContext(ctx, "go", "build", "-o", s.binary, "./cmd/tailrace")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return s, fmt.Errorf("build tailrace (from the repository's root): %w", err)
	}
	if s.pg, err = testenv.StartPostgres(testenv.Version(o.version), testenv.Setting("max_wal_size", "8GB")); err != nil {
		return s, err
	}
	if s.kafka, err = testenv.StartKafka(); err != nil {
		return s, err
	}
	if s.conn, err = pgx.Connect(ctx, s.pg.URL()); err != nil {
		return s, err
	}
	return s, s.fill(ctx)
}

func (s *site) fill(ctx context.Context) error {
	block := fmt.Sprintf(`DO $$ BEGIN FOR i IN 0..%d LOOP %s; COMMIT; END LOOP; END $$`, s.rows/s.tx-1,
		fmt.Sprintf(insert, fmt.Sprintf("i::bigint * %d + 1", s.tx), fmt.Sprintf("(i::bigint + 1) * %d", s.tx)))
	for _, sql := range []string{
		table, "CREATE PUBLICATION bench FOR TABLE bench",
		"SELECT pg_create_logical_replication_slot('base', 'pgoutput')",
		"SET synchronous_commit = off", block, "SET synchronous_commit = on", "CREATE TABLE done ()", "CHECKPOINT",
	} {
		if _, err := s.conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%.60s: %w", sql, err)
		}
	}
	return s.conn.QueryRow(ctx, `SELECT pg_current_wal_flush_lsn()::text, pg_current_wal_flush_lsn() - confirmed_flush_lsn
		FROM pg_replication_slots WHERE slot_name = 'base'`).Scan(&s.end, &s.bytes)
}

// slot makes a slot that stands before the backlog.
func (s *site) slot(ctx context.Context, name string) error {
	_, err := s.conn.Exec(ctx, "SELECT pg_copy_logical_replication_slot('base', $1)", name)
	return err
}

// dropSlot waits until the slot is free and drops it.
func (s *site) dropSlot(ctx context.Context, name string) error {
	for {
		_, err := s.conn.Exec(ctx, "SELECT pg_drop_replication_slot($1)", name)
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// walsender is the server process that holds a slot; 0: none.
func (s *site) walsender(ctx context.Context, slot string) (pid int) {
	_ = s.conn.QueryRow(ctx, "SELECT coalesce(active_pid, 0) FROM pg_replication_slots WHERE slot_name = $1", slot).Scan(&pid)
	return pid
}

func (s *site) close() {
	if s.conn != nil {
		_ = s.conn.Close(context.Background())
	}
	if s.kafka != nil {
		s.kafka.Close()
	}
	if s.pg != nil {
		s.pg.Close()
	}
	_ = os.RemoveAll(s.dir)
}
