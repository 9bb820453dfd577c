package e2e

import (
	"context"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// Outcomes of a failover of the replica's server, while the source is busy and while it is idle. With a synchronous standby
// no row is missing. With an asynchronous one rows may be missing; then the sink reports that, even if no more is written.
func TestTargetFailsOver(t *testing.T) {
	eachFailover(t, map[string]func(*testing.T, string, int){
		"synchronous, busy":  func(t *testing.T, b string, v int) { synchronousTarget(t, b, v, true) },
		"synchronous, idle":  func(t *testing.T, b string, v int) { synchronousTarget(t, b, v, false) },
		"asynchronous, busy": func(t *testing.T, b string, v int) { asynchronousTarget(t, b, v, true) },
		"asynchronous, idle": func(t *testing.T, b string, v int) { asynchronousTarget(t, b, v, false) },
	})
}

func newTargetFailover(t *testing.T, binary string, version int) *failover {
	t.Helper()
	p := newPair(t, binary, version, version)
	f := &failover{
		pair: p, former: p.target, promoted: p.target.Standby(t), settings: `heartbeat = "10m"`, // an idle source sends nothing
	}
	p.urls[1] = either(f.former, f.promoted)
	f.start()
	return f
}

// busy writes to the source until the end.
func (f *failover) busy() (end func()) {
	ctx, stop := context.WithCancel(f.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 1000; ctx.Err() == nil; n++ {
			f.insert(n, n)
		}
	}()
	return func() {
		stop()
		<-done
	}
}

func synchronousTarget(t *testing.T, binary string, version int, busy bool) {
	f := newTargetFailover(t, binary, version)
	f.former.Exec(t, "ALTER SYSTEM SET synchronous_standby_names = '"+testenv.StandbyName+"'", "SELECT pg_reload_conf()")
	f.former.Until(t, "SELECT sync_state = 'sync' FROM pg_stat_replication")
	end := func() {}
	if busy {
		end = f.busy()
	} else {
		f.insert(11, 20)
		f.drain()
	}
	f.fail()
	end()
	f.target, f.other.target = f.promoted, f.promoted
	f.drain()
	f.same("items")
	f.goesOn(21)
}

func asynchronousTarget(t *testing.T, binary string, version int, busy bool) {
	f := newTargetFailover(t, binary, version)
	f.promoted.CatchUp(t, f.former)
	if err := f.promoted.Stop(testenv.Fast); err != nil {
		t.Fatal(err)
	}
	f.insert(11, 20)
	f.drain() // and until they are acknowledged to the source
	end := func() {}
	if busy {
		end = f.busy()
	}
	if err := f.former.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := f.promoted.Start(); err != nil {
		t.Fatal(err)
	}
	f.promoted.Promote(t)
	f.halts("gap")
	if out, err := f.wait("3s"); err == nil {
		t.Errorf("rows are missing, and wait says: %s", out)
	}
	f.bothHalt("gap")
	end()
}
