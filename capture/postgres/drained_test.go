package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/internal/testenv"
)

// drained is a backlog of WAL that can be read repeatedly, each time on a copy of the slot that precedes it.
type drained struct {
	server *testenv.PostgresServer
	db     string
	end    capture.LSN // the last transaction commits after it
	runs   int
}

// newDrained creates a backlog by statements in a database of its own, where the table t has the columns id and v.
func newDrained(t *testing.T, s *testenv.PostgresServer, fill ...string) *drained {
	t.Helper()
	d := &drained{server: s, db: testenv.NewDatabase(t, s)}
	s.ExecIn(t, d.db, "CREATE TABLE t (id serial PRIMARY KEY, v text)", "ALTER TABLE t ALTER v SET STORAGE EXTERNAL", "CREATE PUBLICATION p FOR TABLE t")
	s.ExecIn(t, d.db, "SELECT pg_create_logical_replication_slot(current_database() || '_base', 'pgoutput')")
	s.ExecIn(t, d.db, fill...)
	end, err := capture.ParseLSN(s.Query(t, d.db, "SELECT pg_current_wal_insert_lsn()"))
	if err != nil {
		t.Fatal(err)
	}
	d.end = end
	s.ExecIn(t, d.db, "INSERT INTO t (v) VALUES ('the last one')")
	return d
}

// reader defines how a backlog is read.
type reader struct {
	over  string        // tcp, tls or unix
	plain bool          // without rests, with the kernel's receive buffer
	begun func(*stream) // called before the first batch is taken; nil: nothing
}

// url returns the URL of the database over a transport.
func (d *drained) url(over string) string {
	switch over {
	case "tls":
		return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=verify-full&sslrootcert=%s", d.server.Addr(), d.db, d.server.CAFile)
	case "unix":
		return fmt.Sprintf("postgres://postgres@/%s?host=%s&port=%d&sslmode=disable", d.db, url.QueryEscape(d.server.DataDir), d.server.Port)
	}
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", d.server.Addr(), d.db)
}

var errDrained = errors.New("everything was read")

// read reads all of it and returns how long that took from the first batch on, and how often the connection stalled. It
// gives up after a limit.
func (d *drained) read(t *testing.T, r reader, limit time.Duration) (time.Duration, uint64, error) {
	t.Helper()
	if r.plain {
		defer func(was string) { conn.Reading = was }(conn.Reading)
		conn.Reading = "plain"
	}
	d.runs++
	slot := fmt.Sprintf("%s_%d", d.db, d.runs)
	d.server.ExecIn(t, d.db, fmt.Sprintf("SELECT pg_copy_logical_replication_slot('%s_base', '%s')", d.db, slot))
	c := Config{URL: d.url(r.over), Slot: slot, Publication: "p", Heartbeat: time.Second, Snapshot: SnapshotNever, ShutdownGrace: DefaultShutdownGrace}
	source := New(c, zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)))
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, fmt.Errorf("not read after %s", limit))
	defer cancel()
	var took time.Duration
	var failed error
	_ = source.Run(ctx, func(err error) {
		if !errors.Is(err, errDrained) && ctx.Err() == nil {
			failed = err
			cancel()
		}
	}, func(ctx context.Context, s capture.Stream) error {
		if r.begun != nil {
			r.begun(s.(*stream))
		}
		err := error(nil)
		if took, err = d.drain(ctx, s); err == nil {
			cancel()
			return errDrained
		}
		return err
	})
	for d.server.Query(t, d.db, "SELECT active FROM pg_replication_slots WHERE slot_name = '"+slot+"'") == "true" {
		time.Sleep(10 * time.Millisecond)
	}
	d.server.ExecIn(t, d.db, "SELECT pg_drop_replication_slot('"+slot+"')")
	if took == 0 {
		return 0, source.Health().Stalls, errors.Join(failed, context.Cause(ctx))
	}
	return took, source.Health().Stalls, nil
}

// drain takes batches until the last transaction has come.
func (d *drained) drain(ctx context.Context, s capture.Stream) (time.Duration, error) {
	if _, err := s.Resume(ctx, nil); err != nil {
		return 0, err
	}
	began := time.Now()
	for {
		b, err := s.Next(ctx)
		if err != nil {
			return 0, err
		}
		if b.Commit && b.End.LSN > d.end {
			return time.Since(began), nil
		}
	}
}

// drop releases the backlog's WAL and drops its database.
func (d *drained) drop(t *testing.T) {
	t.Helper()
	d.server.ExecIn(t, d.db, "SELECT pg_drop_replication_slot(current_database() || '_base')", "DROP TABLE t")
}
