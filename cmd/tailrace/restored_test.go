package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// restored is a server that is put back to an older state, with a pipeline into each kind of sink.
type restored struct {
	*testing.T
	server *testenv.PostgresServer
	pairs  []*pair
	older  string // backup of the server with row 1; the sinks have rows 2 to 5, too
	// lsn and xid are the end of the WAL and of the transaction ids before it was put back.
	lsn, xid string
}

func openRestored(t *testing.T, version int, track string) *restored {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
	r := &restored{T: t, server: testenv.Postgres(t, testenv.Version(version), testenv.Setting("track_commit_timestamp", track))}
	for _, kind := range sinkKinds {
		p := openPair(t, r.server, kind)
		p.exec("INSERT INTO t VALUES (1)")
		p.both()
		r.pairs = append(r.pairs, p)
	}
	r.older = r.server.ColdBackup(t)
	r.each(func(p *pair) {
		p.insert(2, 5)
		p.held(p.active())
	})
	return r
}

func (r *restored) each(do func(*pair)) {
	r.Helper()
	for _, p := range r.pairs {
		do(p)
	}
}

// insert adds rows to t, each in a transaction of its own.
func (p *pair) insert(from, to int) {
	p.Helper()
	p.exec(fmt.Sprintf("DO $$ BEGIN FOR i IN %d..%d LOOP INSERT INTO t VALUES (i); COMMIT; END LOOP; END $$", from, to))
}

// restore puts the server back to the older state.
func (r *restored) restore() {
	r.Helper()
	r.lsn = r.server.Query(r, "postgres", "SELECT pg_current_wal_lsn()")
	r.xid = r.server.Query(r, "postgres", "SELECT pg_current_xact_id()")
	r.server.Restore(r, r.older)
}

// overtake writes until neither the end of the WAL nor transaction ids show that the server was put back.
func (r *restored) overtake() {
	r.Helper()
	r.each(func(p *pair) { p.insert(11, 30) })
	r.server.Exec(r, "SELECT pg_switch_wal()", "CHECKPOINT")
	r.server.Until(r, "SELECT pg_current_wal_lsn() > '"+r.lsn+"' AND pg_current_xact_id() > '"+r.xid+"'")
}

// stands checks that the daemon that takes over has the verdict, also after both have been restarted, and that nothing is written.
func (r *restored) stands() {
	r.Helper()
	const state = "ahead_of_source"
	r.each(func(p *pair) {
		for range 2 {
			i := p.halted(state)
			p.stop(i)
			p.halts(1-i, state)
			p.start(i)
		}
		p.has("1 2 3 4 5")
	})
}

// goes wants the pipelines to go on, and their sinks to have rows then.
func (r *restored) goes(want string) {
	r.Helper()
	r.each(func(p *pair) {
		i := p.active()
		p.insert(99, 99)
		p.held(i)
		p.has(want)
		p.stop(1 - i)
		p.stop(i)
	})
}

// A source is put back to an older state, and a daemon sees it. Then the source overtakes the sinks, and nothing shows any more
// what has happened: it does not keep the times of commits. The verdict stands for the standby that takes over and for daemons
// that are started again, until the operator accepts it.
func TestASourceThatWasRestored(t *testing.T) {
	t.Parallel()
	r := openRestored(t, testenv.Oldest, "off")
	r.restore()
	r.each(func(p *pair) { p.halted("ahead_of_source") })
	r.overtake()
	r.stands()
	r.each(func(p *pair) {
		p.accept("ahead_of_source", "it keeps what it has of commits that the source does not have")
	})
	r.goes("1 2 3 4 5 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 99")
}

// A source is put back to an older state, and overtakes the sinks while no daemon runs. It keeps the times of commits, so it is
// seen all the same, and the verdict stands. When the right server is back, that is seen, too.
func TestASourceThatKeepsTheTimesOfCommitsWasRestored(t *testing.T) {
	t.Parallel()
	r := openRestored(t, testenv.Newest, "on")
	r.each(func(p *pair) {
		p.stop(0)
		p.stop(1)
	})
	newer := r.server.ColdBackup(t)
	r.restore()
	r.overtake()
	r.each(func(p *pair) {
		p.start(0)
		p.start(1)
	})
	r.stands()
	r.server.Restore(t, newer)
	r.goes("1 2 3 4 5 99")
	r.each(func(p *pair) {
		const why = "ahead_of_source is disproved"
		if log := p.running[0].log.String() + p.running[1].log.String(); strings.Count(log, why) != 1 {
			t.Errorf("not once: %s\n%s", why, log)
		}
	})
}
