package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/testenv"
)

// alone runs a test on its own servers, whose settings it may change.
func alone(t *testing.T, test func(s site), options ...testenv.PostgresOption) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			s := testenv.Postgres(t, append(options, testenv.Version(version))...)
			test(site{t, s, testenv.NewDatabase(t, s)})
		})
	}
}

func (s site) restart() {
	s.Helper()
	if err := s.server.Restart(); err != nil {
		s.Fatal(err)
	}
}

func TestServerSettings(t *testing.T) {
	alone(t, func(s site) {
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`)
		c := s.config("public.a")
		p := s.refused(c, "wal_level", "logical")
		s.fix(p)
		s.restart()

		s.exec(`SELECT pg_create_physical_replication_slot('other')`)
		p = s.refused(c, "slots_exhausted", "1 replication slots", c.Slot)
		repl, err := c.replication(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		_, _, err = slot.Create(s.Context(), repl, slot.TemporaryName(c.Slot))
		repl.Close(s.Context())
		wantProblem(s, []error{err}, "slots_exhausted")
		s.fix(p)
		s.restart()
		s.exec(`SELECT pg_drop_replication_slot('other')`)

		s.exec(`ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (standby, "*")'`, `SELECT pg_reload_conf()`)
		s.refused(c, "synchronous_standby", "wait for our sinks")
		s.exec(`ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (standby)'`, `SELECT pg_reload_conf()`)
		if errs := s.preflight(c); len(errs) > 0 {
			s.Errorf("with another's name: %v", errs)
		}
		s.exec(`ALTER SYSTEM RESET synchronous_standby_names`, `ALTER SYSTEM SET max_wal_senders = 0`)
		s.restart()
		p = s.refused(c, "senders_exhausted")
		s.fix(p)
		s.restart()
		s.publish(c)
		s.createSlot(c)
	}, testenv.Setting("wal_level", "replica"), testenv.Setting("max_replication_slots", "1"))
}

func TestFailoverSlot(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`)
		c := s.config("public.a")
		c.Failover = true
		if s.server.Version < 17 {
			s.refused(c, "failover_unsupported", "17")
			return
		}
		c.Failover = false
		s.publish(c)
		s.createSlot(c)
		c.Failover = true
		if errs := s.preflight(c); errs != nil {
			s.Errorf("a slot that only lacks the property: %v", errs)
		}
		if err := c.makeFailover(s.Context()); err != nil {
			s.Error(err)
		}
		row, err := slot.Read(s.Context(), s.control(c), c.Slot)
		if err != nil || !row.Failover || s.preflight(c) != nil {
			s.Errorf("slot %+v, %v", row, err)
		}
		if _, err := dropIt(s, c); err != nil {
			s.Error(err)
		}
		s.exec(`SELECT pg_create_physical_replication_slot('` + c.Slot + `')`)
		wantProblem(s, []error{c.makeFailover(s.Context())}, "slot_not_failover", c.Slot)
		s.exec(`SELECT pg_drop_replication_slot('` + c.Slot + `')`)
		s.publish(c)
		s.createSlot(c)
		row, err = slot.Read(s.Context(), s.control(c), c.Slot)
		if err != nil || !row.Failover || s.preflight(c) != nil {
			s.Errorf("slot %+v, %v", row, err)
		}
	})
}

func TestStandbyAndTimelines(t *testing.T) {
	alone(t, func(s site) {
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`)
		c := s.config("public.a")
		before, _, err := identifyIt(s, c)
		if err != nil || before.System == 0 || before.Timeline != 1 || before.History != nil {
			s.Errorf("origin %+v, %v", before, err)
		}
		s.restart() // a clean end of the WAL
		if err := os.WriteFile(filepath.Join(s.server.DataDir, "standby.signal"), nil, 0o666); err != nil {
			s.Fatal(err)
		}
		s.restart()
		s.refused(c, "source_is_standby", "primary")
		s.server.Exec(s, `SELECT pg_promote()`)
		after, _, err := identifyIt(s, c)
		if err != nil || after.System != before.System || after.Timeline != 2 || len(after.History) != 1 ||
			after.History[0].ID != 1 || after.History[0].End == 0 {
			s.Errorf("origin %+v, %v", after, err)
		}
		s.publish(c)
	})
}
