package testenv

import (
	"fmt"
	"testing"
)

// A standby has the data of its primary, follows its writes, and works without it; the former primary comes back unchanged.
func TestPostgresStandby(t *testing.T) {
	needServers(t)
	for _, version := range []int{FailoverSlots, Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			primary := Postgres(t, Version(version))
			primary.Exec(t, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (1)")
			standby := primary.Standby(t)
			primary.Exec(t, "INSERT INTO kept VALUES (2)",
				"SELECT pg_create_logical_replication_slot('logical', 'pgoutput', false, false, true)")
			standby.SyncSlot(t, primary, "logical")
			if err := primary.Crash(); err != nil {
				t.Fatal(err)
			}
			standby.Promote(t)
			standby.Exec(t, "INSERT INTO kept VALUES (3)")
			if err := primary.Start(); err != nil {
				t.Fatal(err)
			}
			for s, want := range map[*PostgresServer]string{standby: "00000002 1,2,3", primary: "00000001 1,2"} {
				got := s.Query(t, "postgres", `SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) || ' ' ||
					(SELECT string_agg(n::text, ',' ORDER BY n) FROM kept)`)
				if got != want {
					t.Errorf("port %d has %s, want %s", s.Port, got, want)
				}
			}
			if got := standby.Query(t, "postgres", "SELECT slot_name FROM pg_replication_slots"); got != "logical" {
				t.Errorf("the promoted server has slot %q", got)
			}
		})
	}
}
