package testenv

import (
	"errors"
	"fmt"
	"testing"
)

func TestPostgresKeepsItsData(t *testing.T) {
	needServers(t)
	for _, version := range []int{Oldest, Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			s := Postgres(t, Version(version))
			if got := s.Query(t, "postgres", "current_setting('server_version_num')::int / 10000"); got != fmt.Sprint(version) {
				t.Fatalf("version %s, want %d", got, version)
			}
			s.Exec(t, "CREATE TABLE kept (n int)", "SELECT pg_create_logical_replication_slot('kept', 'pgoutput')")
			for i, down := range []func() error{s.Crash, func() error { return s.Stop(Fast) }, func() error { return s.Stop(Immediate) }} {
				s.Exec(t, fmt.Sprintf("INSERT INTO kept VALUES (%d)", i))
				port, pid := s.Port, s.Pid()
				if err := errors.Join(down(), s.Start()); err != nil {
					t.Fatal(err)
				}
				if s.Port != port || s.Pid() == pid {
					t.Fatalf("port %d pid %d after a start, before it %d %d", s.Port, s.Pid(), port, pid)
				}
				if got := s.Query(t, "postgres", "SELECT count(*) FROM kept"); got != fmt.Sprint(i+1) {
					t.Fatalf("%s rows after stop %d, want %d", got, i, i+1)
				}
			}
			if got := s.Query(t, "postgres", "SELECT plugin FROM pg_replication_slots"); got != "pgoutput" {
				t.Fatalf("slot's plugin %q after restarts, want pgoutput", got)
			}
		})
	}
}
