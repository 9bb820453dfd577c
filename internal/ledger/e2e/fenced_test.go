package e2e

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/internal/testenv/proxy"
)

// TestReplicaZombie stops a daemon with SIGSTOP, lets another one take over, and resumes it: once with statements in
// transit that reach the target after those of the other daemon, once while its transaction in the target is open. It must
// write nothing more, and become the standby.
func TestReplicaZombie(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	p := newPair(t, build(t).binary, testenv.Newest, testenv.Newest)
	p.pgbench("-i", "-q", "-I", "dtGp")
	p.source.Exec(t, "ALTER TABLE pgbench_history REPLICA IDENTITY FULL")
	slow := testenv.Proxy(t, p.target.Addr())
	p.through, p.more = slow.Addr(), `origin = "off"` // otherwise its session would be terminated before it resumes
	p.write(`tables = ["public.*"]`)
	p.launch()
	p.streams()
	p.drain()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	busy := make(chan struct{})
	go func() {
		defer close(busy)
		for ctx.Err() == nil {
			p.tpcb(load{clients: 2, rate: 200, last: time.Second}, 1)
		}
	}()
	for _, freeze := range []func() (arrive func()){func() func() { return p.freezeUnderway(slow) }, p.freezeInside} {
		arrive := freeze()
		zombie := p.daemon
		p.listen, p.through, p.more = freeAddress(t), "", ""
		p.write(`tables = ["public.*"]`)
		p.launch()
		p.streams()
		p.drain() // no row of the zombie is missing
		owner := p.owner()
		arrive()
		if err := zombie.wake(); err != nil {
			t.Fatal(err)
		}
		p.until("the zombie stands by", func() bool { return strings.Contains(lastLine(t, zombie.log), `"standby"`) })
		if now := p.owner(); now != owner {
			t.Errorf("the progress was %s's, and is %s's", owner, now)
		}
		zombie.kill()
	}
	stop()
	<-busy
	p.drain()
	p.same(bankTables...)
	p.tailrace("verify", "-fast", p.file)
}

// freezeUnderway stops the daemon when it has sent statements that have not arrived. They arrive when arrive is called.
func (p *pair) freezeUnderway(slow *proxy.Server) (arrive func()) {
	its := "pid = " + p.target.Query(p.t, "postgres", "SELECT backend FROM tailrace.progress")
	underway := func() bool {
		time.Sleep(50 * time.Millisecond)
		if p.sessions(its+" AND state = 'idle'") != "1" {
			return false
		}
		for began := time.Now(); time.Since(began) < time.Second; time.Sleep(10 * time.Millisecond) {
			if requests, replies := slow.Held(); requests || replies {
				return !replies // otherwise it waits for the answer to its last commit
			}
		}
		return false
	}
	p.until("the sink is held between two transactions, with statements of the next one on their way", func() bool {
		if slow.Hold(); underway() {
			return true
		}
		if err := slow.Heal(); err != nil {
			p.t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
		return false
	})
	time.Sleep(300 * time.Millisecond) // for the whole round trip's statements
	if err := p.daemon.freeze(); err != nil {
		p.t.Fatal(err)
	}
	return func() {
		if err := slow.Heal(); err != nil {
			p.t.Fatal(err)
		}
		p.until("the statements arrive", func() bool { return p.sessions(its+" AND state LIKE 'idle in transaction%'") == "1" })
	}
}

// freezeInside stops the daemon while a transaction of its sink is open in the target, with rows in it.
func (p *pair) freezeInside() (arrive func()) {
	conn := dial(p.t, p.target)
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(p.t.Context(), "BEGIN; LOCK TABLE pgbench_branches IN SHARE MODE"); err != nil {
		p.t.Fatal(err)
	}
	p.until("the sink waits for the lock", func() bool { return p.sessions("wait_event_type = 'Lock'") != "0" })
	if err := p.daemon.freeze(); err != nil {
		p.t.Fatal(err)
	}
	if _, err := conn.Exec(p.t.Context(), "COMMIT"); err != nil {
		p.t.Fatal(err)
	}
	p.until("the sink's transaction stays open", func() bool { return p.sessions("xact_start IS NOT NULL AND wait_event_type = 'Client'") != "0" })
	return func() {}
}

// sessions counts the sessions of sinks in the target.
func (p *pair) sessions(which string) string {
	return p.target.Query(p.t, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tailrace/%' AND "+which)
}

// owner returns the current owner in the target.
func (p *pair) owner() string {
	return p.target.Query(p.t, "postgres", "SELECT owner FROM tailrace.progress")
}

// lastLine returns the last line of a daemon's log.
func lastLine(t *testing.T, log string) string {
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
