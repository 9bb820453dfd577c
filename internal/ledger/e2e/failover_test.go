package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// failover is a pair of which one side has a physical standby, with an active daemon and a standby daemon.
type failover struct {
	*pair
	former, promoted *testenv.PostgresServer // the side that fails over: the primary, and its standby
	other            *pair                   // the other daemon
	settings         string                  // of the source's block, besides its tables
}

// versions are the Postgres versions that can have failover slots on a standby.
var versions = []int{testenv.FailoverSlots, testenv.Newest}

// soaks reports whether TAILRACE_SOAK allows time for all cases.
func soaks() bool { return os.Getenv("TAILRACE_SOAK") != "" }

// eachFailover runs cases with servers of their own: all cases with TAILRACE_SOAK set, otherwise each with one version.
func eachFailover(t *testing.T, cases map[string]func(*testing.T, string, int)) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	binary := build(t).binary
	turn := 0
	for name, run := range cases {
		turn++
		for i, version := range versions {
			if !soaks() && turn%2 != i {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", name, version), func(t *testing.T) {
				t.Parallel()
				run(t, binary, version)
			})
		}
	}
}

// either returns a URL for the primary of the two servers; the first one is tried first.
func either(first, second *testenv.PostgresServer) string {
	return fmt.Sprintf("postgres://postgres@%s,%s/postgres?target_session_attrs=primary", first.Addr(), second.Addr())
}

// start starts both daemons and waits until the replica is equal.
func (f *failover) start() {
	f.t.Helper()
	f.source.Exec(f.t, "CREATE TABLE items (id int PRIMARY KEY, v text)", "INSERT INTO items VALUES (0, 'copied')")
	settings := "tables = [\"public.*\"]\n    " + f.settings
	f.write(settings)
	f.launch()
	f.streams()
	other := *f.pair
	other.listen, other.dir = freeAddress(f.t), f.t.TempDir()
	f.other = &other
	f.other.write(settings)
	f.other.launch()
	f.lead()
	f.insert(1, 10)
	f.drain()
}

// drain waits until the sink has everything, through the active daemon: right after a crash the former one may still count as
// active, and the other one may be the first at the promoted server.
func (f *failover) drain() {
	f.t.Helper()
	f.until("everything is held", func() bool {
		if f.status().Role == pipeline.Standby && f.other.status().Role == pipeline.Active {
			f.swap()
		}
		_, err := f.wait("5s")
		return err == nil
	})
}

// insert commits rows one by one on the source.
func (f *failover) insert(from, to int) {
	f.t.Helper()
	f.source.Exec(f.t, fmt.Sprintf("DO $$ BEGIN FOR i IN %d..%d LOOP INSERT INTO items VALUES (i, 'v' || i); COMMIT; END LOOP; END $$", from, to))
}

// fail promotes the standby after the former primary has crashed.
func (f *failover) fail() {
	f.t.Helper()
	if err := f.former.Crash(); err != nil {
		f.t.Fatal(err)
	}
	f.promoted.Promote(f.t)
}

// status returns the pipeline's status from the daemon; zero if the daemon does not answer.
func (p *pair) status() (st pipeline.Status) {
	answer, err := http.Get("http://" + p.listen + "/api/v1/pipelines/replica")
	if err != nil {
		return st
	}
	defer answer.Body.Close()
	_ = json.NewDecoder(answer.Body).Decode(&st) // zero then
	return st
}

// halts waits until the pipeline or its sink is halted, and expects this state.
func (p *pair) halts(name string) {
	p.t.Helper()
	halted := ""
	p.until("halted: "+name, func() bool { halted = p.halted(); return halted != "" })
	if !strings.HasPrefix(halted, name+": ") {
		p.t.Errorf("halted: %s, want %s\n%s", halted, name, p.daemon.logTail())
	}
}

// halted returns the state in which the pipeline, or else its sink, is halted; "" if neither is.
func (p *pair) halted() string {
	st := p.status()
	for _, s := range append([]pipeline.State{st.State}, states(st)...) {
		if s.Kind == pipeline.Halted {
			return s.Name + ": " + s.Reason
		}
	}
	return ""
}

func states(st pipeline.Status) (all []pipeline.State) {
	for _, s := range st.Sinks {
		all = append(all, s.State)
	}
	return all
}

// lead makes the active daemon the current one: either may come first after a failover, or after a snapshot.
func (f *failover) lead() {
	f.t.Helper()
	f.until("one daemon is active and one stands by", func() bool {
		roles := f.status().Role + f.other.status().Role
		return roles == pipeline.Active+pipeline.Standby || roles == pipeline.Standby+pipeline.Active
	})
	if f.status().Role == pipeline.Standby {
		f.swap()
	}
}

// bothHalt expects the same state from one daemon and, once that is gone, from the other one.
func (f *failover) bothHalt(name string) {
	f.t.Helper()
	f.until("one daemon is halted", func() bool {
		if f.halted() == "" {
			f.swap()
		}
		return f.halted() != ""
	})
	f.halts(name)
	f.daemon.kill()
	f.other.halts(name)
	for range 2 { // and it persists, at the next check and after a restart
		f.other.daemon.kill()
		f.other.launch()
		f.other.halts(name)
	}
}

// equal expects the sink to have the rows of items that the source has.
func (f *failover) equal() {
	f.t.Helper()
	if f.topic == nil {
		f.same("items")
		return
	}
	want := f.read(f.source, "SELECT string_agg(id || '=' || v, ' ' ORDER BY id) FROM items")
	if have := f.topic.rows(); have != want {
		f.t.Errorf("items: the source has %s, the topic %s", want, have)
	}
}

// goesOn expects more rows to arrive, and both sides to be equal, with the active daemon and with the other one.
func (f *failover) goesOn(from int) {
	f.t.Helper()
	f.lead()
	f.insert(from, from+9)
	f.drain()
	f.equal()
	f.daemon.kill()
	f.insert(from+10, from+19)
	f.other.until("the other daemon takes over", func() bool { return f.other.status().Role == pipeline.Active })
	f.other.drain()
	f.equal()
	f.swap()
}

// swap makes the other daemon the current one.
func (f *failover) swap() {
	a, b := f.pair, f.other
	a.daemon, b.daemon = b.daemon, a.daemon
	a.listen, b.listen = b.listen, a.listen
	a.file, b.file = b.file, a.file
}
