package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestSlotsOfOthers(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`)
		c := s.config("public.a")
		s.publish(c)
		other := testenv.NewDatabase(s, s.server)
		for _, test := range []struct{ state, database, create, word string }{
			{"slot_physical", s.db, `SELECT pg_create_physical_replication_slot('%')`, "physical"},
			{"slot_other_database", other, `SELECT pg_create_logical_replication_slot('%', 'pgoutput')`, other},
			{"slot_two_phase", s.db, `SELECT pg_create_logical_replication_slot('%', 'pgoutput', false, true)`, "prepared"},
		} {
			s.server.ExecIn(s, test.database, strings.ReplaceAll(test.create, "%", c.Slot))
			s.refused(c, test.state, c.Slot, test.word)
			if test.state != "slot_two_phase" {
				_, err := dropIt(s, c)
				wantProblem(s, []error{err}, test.state)
			}
			s.server.ExecIn(s, test.database, `SELECT pg_drop_replication_slot('`+c.Slot+`')`)
		}

		conn := s.control(c)
		_, err := conn.Exec(s.Context(), `SELECT pg_create_logical_replication_slot($1, 'pgoutput', true)`, c.Slot)
		if err != nil {
			s.Fatal(err)
		}
		s.refused(c, "slot_temporary", c.Slot)
	})
}

func TestSlotLost(t *testing.T) {
	alone(t, func(s site) {
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`)
		c := s.config("public.a")
		s.publish(c)
		s.createSlot(c)
		conn := s.control(c)
		before, err := slot.Read(s.Context(), conn, c.Slot)
		if err != nil || before.Safe <= 0 || before.Health() != "inactive" {
			s.Errorf("slot %+v, %v", before, err)
		}
		for range 4 {
			s.exec(`SELECT pg_switch_wal()`, `INSERT INTO a SELECT coalesce(max(id), 0) + 1 FROM a`)
		}
		s.exec(`CHECKPOINT`)
		p := s.refused(c, "slot_lost", c.Slot, "wal_removed", "max_slot_wal_keep_size", "snapshot")
		lost, err := slot.Read(s.Context(), conn, c.Slot)
		if err != nil || lost.Health() != "lost" {
			s.Errorf("slot %+v, %v", lost, err)
		}
		if err := c.startError(startIt(s, c), lost); state(err) != p.State {
			s.Errorf("start: %v", err)
		}
		s.await(`SELECT NOT active FROM pg_replication_slots WHERE slot_name = '` + c.Slot + `'`) // the walsender lets go after its error
		if lines, err := dropIt(s, c); err != nil || len(lines) != 2 {
			s.Errorf("drop: %q, %v", lines, err)
		}
		s.publish(c)
	}, testenv.Setting("max_slot_wal_keep_size", "16MB"), testenv.Setting("max_wal_size", "32MB"),
		testenv.Setting("min_wal_size", "32MB"))
}

// startIt starts the slot on a connection of its own, which then holds it until the test ends.
func startIt(s site, c *Config) error {
	s.Helper()
	repl, err := c.replication(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	err = start(s, c, repl)
	s.Cleanup(func() {
		hangUp(context.Background(), repl.Close)
		if err == nil { // another holds it else
			s.await(`SELECT NOT EXISTS (SELECT FROM pg_replication_slots WHERE active AND slot_name = '` + c.Slot + `')`)
		}
	})
	return err
}

func start(s site, c *Config, repl *pgconn.PgConn) error {
	return pglogrepl.StartReplication(s.Context(), repl, c.Slot, 0, pglogrepl.StartReplicationOptions{
		Mode: pglogrepl.LogicalReplication, PluginArgs: []string{"proto_version '1'", `publication_names '"` + c.Publication + `"'`},
	})
}

func TestSlotHeldByAnother(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`)
		c := s.config("public.a")
		s.publish(c)
		conn := s.control(c)
		if err := c.startError(startIt(s, c), nil); state(err) != "slot_missing" {
			s.Errorf("start without a slot: %v", err)
		}
		at := s.createSlot(c)
		repl, err := c.replication(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		defer repl.Close(s.Context())
		_, _, err = slot.Create(s.Context(), repl, c.Slot)
		if p := capture.AsProblem(err); p == nil || p.State != "slot_active" || p.Halted {
			s.Errorf("create twice: %v", err)
		}
		if err := startIt(s, c); err != nil {
			s.Fatal(err)
		}
		row, err := slot.Read(s.Context(), conn, c.Slot)
		if err != nil || !row.Active || row.PID == 0 || row.Confirmed != at || row.Health() != "active" || !row.Here {
			s.Errorf("slot %+v, %v", row, err)
		}
		err = c.startError(startIt(s, c), row)
		if p := capture.AsProblem(err); p == nil || p.State != "slot_active" || p.Halted {
			s.Errorf("second start: %v", err)
		}
		if errs := s.preflight(c); len(errs) > 0 {
			s.Errorf("a standby's preflight: %v", errs)
		}
		for _, dry := range []bool{true, false} {
			_, err := c.drop(s.Context(), dry)
			if p := capture.AsProblem(err); p == nil || p.State != "slot_active" || !p.Usage || !strings.Contains(p.Fix, "daemon") {
				s.Errorf("drop: %v", err)
			}
		}
	})
}

func TestDrop(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`)
		c := s.config("public.a")
		s.publish(c)
		s.createSlot(c)
		dry, err := c.drop(s.Context(), true)
		if err != nil || len(dry) != 2 || !strings.HasPrefix(dry[0], "slot "+c.Slot) || dry[1] != "publication "+c.Publication {
			s.Errorf("dry: %q, %v", dry, err)
		}
		c.Manage = false
		kept, err := c.drop(s.Context(), true)
		if err != nil || len(kept) != 2 || !strings.HasPrefix(kept[1], "left: ") {
			s.Errorf("manage = false: %q, %v", kept, err)
		}
		c.Manage = true
		wet, err := dropIt(s, c)
		want(s, "dropped", wet, dry)
		if err != nil {
			s.Error(err)
		}
		left := s.server.Query(s, s.db, `SELECT (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_replication_slots WHERE database = current_database())`)
		want(s, "left", left, "0")
		again, err := dropIt(s, c)
		if err != nil || len(again) > 0 {
			s.Errorf("again: %q, %v", again, err)
		}
	})
}

func TestPublicationMissingAtStart(t *testing.T) {
	c := &Config{Slot: "tailrace_x", Publication: "p", Manage: true}
	p := capture.AsProblem(c.startError(&sqlError{"42704"}, &slot.State{}))
	if p == nil || p.State != "publication_missing" {
		t.Errorf("%+v", p)
	}
}

func TestCreateSlotEndsWithItsContext(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`)
		c := s.config("public.a")
		conn := s.control(c)
		tx, err := conn.Begin(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		if _, err := tx.Exec(s.Context(), `INSERT INTO public.a VALUES (1)`); err != nil {
			s.Fatal(err)
		}
		ctx, cancel := context.WithCancel(s.Context())
		repl, err := c.replication(ctx)
		if err != nil {
			s.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, _, err := slot.Create(ctx, repl, slot.TemporaryName(c.Slot))
			done <- err
		}()
		look := s.control(c)
		var wait *capture.Problem
		for wait == nil {
			if wait, err = slot.CreateBlocker(s.Context(), look, c.Slot, repl.PID()); err != nil {
				s.Fatal(err)
			}
		}
		blocker := fmt.Sprintf("pg_terminate_backend(%d)", conn.PgConn().PID())
		if wait.State != "waiting_for_transactions" || wait.Halted || !strings.Contains(wait.Fix, blocker) {
			s.Errorf("%+v, want %s", wait, blocker)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || capture.AsProblem(err) != nil {
			s.Errorf("create slot: %v", err)
		}
		if err := tx.Rollback(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.await(`SELECT NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '` + c.Slot + `')`)
	})
}

// sqlError makes a server's error of a SQLSTATE.
type sqlError struct{ code string }

func (e *sqlError) Error() string { return e.code }
func (e *sqlError) Unwrap() error { return &pgconn.PgError{Code: e.code} }

func identifyIt(s site, c *Config) (capture.Origin, capture.LSN, error) {
	s.Helper()
	repl, err := c.replication(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	defer repl.Close(s.Context())
	return slot.Identify(s.Context(), repl, c.Slot)
}
