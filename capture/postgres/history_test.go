package postgres

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/testenv"
)

// witness asks a server what it knows of commits, as they come in the stream.
type witness struct {
	*tap
	server *testenv.PostgresServer
	config Config
	rows   int
}

// What a server knows of a commit: with track_commit_timestamp it tells its own from those of another history, without it
// only what cannot have been committed.
func TestWhatAServerKnowsOfACommit(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			s := testenv.Postgres(t, testenv.Version(version))
			w := &witness{server: s, config: testConfig(s, "postgres")}
			w.tap = startTap(t, s, w.config, "postgres")

			former := w.commit()
			other := former
			other.Time = former.Time.Add(time.Microsecond)
			rolledBack, open, current := w.transactions()
			w.knows(s, "times are not kept", map[string]known{
				"its own":                            {former, capture.CommitUnknown},
				"its id, at another time":            {other, capture.CommitUnknown},
				"rolled back":                        {rolledBack, capture.CommitAbsent},
				"running":                            {open, capture.CommitUnknown},
				"of the future":                      {capture.Commit{LSN: 1, XID: current + 1000}, capture.CommitAbsent},
				"of the future, ids have wrapped":    {capture.Commit{LSN: 1, XID: 1<<32 + former.XID}, capture.CommitAbsent},
				"so old that the server forgot":      {capture.Commit{LSN: 1, XID: 3}, capture.CommitUnknown},
				"of a snapshot, or not known at all": {capture.Commit{LSN: 1}, capture.CommitUnknown},
			})

			w.track("on")
			latter := w.commit()
			other = latter
			other.Time = latter.Time.Add(time.Microsecond)
			withTimes := map[string]known{
				"its own":                         {latter, capture.CommitPresent},
				"its id, at another time":         {other, capture.CommitAbsent},
				"its own, before times were kept": {former, capture.CommitUnknown},
				"rolled back":                     {rolledBack, capture.CommitAbsent},
				"ended with its server":           {open, capture.CommitAbsent},
				"of the future":                   {capture.Commit{LSN: 1, XID: current + 1000}, capture.CommitAbsent},
			}
			w.knows(s, "times are kept", withTimes)
			w.waitsForAStandby()

			standby := s.Standby(t)
			standby.CatchUp(t, s)
			for name, k := range withTimes {
				withTimes[name] = known{k.commit, capture.CommitUnknown}
			}
			w.knows(standby, "it replays", withTimes)

			w.track("off")
			w.knows(s, "times are kept no more", map[string]known{"its own": {latter, capture.CommitUnknown}})
		})
	}
}

// known is what is to be known of a commit.
type known struct {
	commit capture.Commit
	want   capture.Knowledge
}

// knows asks a server.
func (w *witness) knows(s *testenv.PostgresServer, when string, all map[string]known) {
	w.t.Helper()
	c := w.config
	c.URL = s.URL("postgres")
	conn, err := c.control(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for name, k := range all {
		if got, err := slot.FindCommit(w.t.Context(), conn, k.commit); err != nil || got != k.want {
			w.t.Errorf("%s: %s: %v, %v; want %v", when, name, got, err, k.want)
		}
	}
}

// commit commits a row and returns the commit as it comes in the stream.
func (w *witness) commit() capture.Commit {
	w.t.Helper()
	w.rows++
	w.server.Exec(w.t, insert(w.rows, w.rows))
	return w.last()
}

// last waits for all rows and returns the commit of the last one.
func (w *witness) last() (c capture.Commit) {
	w.t.Helper()
	w.expect(inserts(1, w.rows)...)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.cuts {
		if !b.Last.IsZero() {
			c = b.Last
		}
	}
	if c.XID == 0 || c.Time.IsZero() {
		w.t.Fatalf("the stream names the commit %+v", c)
	}
	return c
}

// transactions are one that was rolled back and one that is open until the server ends, and the newest id.
func (w *witness) transactions() (rolledBack, open capture.Commit, current uint64) {
	w.t.Helper()
	var tx pgx.Tx
	for _, c := range []*capture.Commit{&rolledBack, &open} {
		conn, err := w.config.control(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
		var id string
		if tx, err = conn.Begin(w.t.Context()); err == nil {
			err = tx.QueryRow(w.t.Context(), "SELECT pg_current_xact_id()::text").Scan(&id)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		if current, err = strconv.ParseUint(id, 10, 64); err != nil {
			w.t.Fatal(err)
		}
		*c = capture.Commit{LSN: 1, XID: current, Time: time.Unix(1, 0)}
		if c == &rolledBack {
			if err := tx.Rollback(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	return rolledBack, open, current
}

// track turns track_commit_timestamp on or off.
func (w *witness) track(how string) {
	w.t.Helper()
	w.server.Exec(w.t, "ALTER SYSTEM SET track_commit_timestamp = "+how)
	if err := w.server.Restart(); err != nil {
		w.t.Fatal(err)
	}
}

// waitsForAStandby: a commit is in the stream before it is visible, while it waits for a synchronous standby.
func (w *witness) waitsForAStandby() {
	w.t.Helper()
	w.server.Exec(w.t, "ALTER SYSTEM SET synchronous_standby_names = 'away'", "SELECT pg_reload_conf()")
	w.server.Until(w.t, "SELECT current_setting('synchronous_standby_names') = 'away'")
	w.rows++
	sql, committed := insert(w.rows, w.rows), make(chan struct{})
	go func() {
		defer close(committed)
		w.server.Exec(w.t, sql)
	}()
	waiting := w.last()
	w.knows(w.server, "it waits for a standby", map[string]known{"its own": {waiting, capture.CommitUnknown}})
	w.server.Exec(w.t, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
	<-committed
	w.knows(w.server, "it has waited for a standby", map[string]known{"its own": {waiting, capture.CommitPresent}})
}
