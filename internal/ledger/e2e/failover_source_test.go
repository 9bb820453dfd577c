package e2e

import (
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// Outcomes of a promotion of the source's standby. The pipeline continues if no commit was lost; otherwise it reports what
// was lost.
func TestSourceFailsOver(t *testing.T) {
	eachFailover(t, sourceFailovers(func(t *testing.T, binary string, version int) *pair { return newPair(t, binary, version, version) }))
}

// The same with a Kafka sink, whose record is written after the events and in another topic: all cases with TAILRACE_SOAK set,
// otherwise one.
func TestSourceFailsOverBeforeKafka(t *testing.T) {
	cases := sourceFailovers(func(t *testing.T, binary string, version int) *pair {
		p := newSource(t, binary, version)
		p.topic = newTopic(t)
		return p
	})
	if !soaks() {
		delete(cases, "commits lost")
		delete(cases, "slot not synchronized")
	}
	eachFailover(t, cases)
}

// sourceFailovers are cases with a pair of their own.
func sourceFailovers(open func(*testing.T, string, int) *pair) map[string]func(*testing.T, string, int) {
	cases := map[string]func(*testing.T, string, int){}
	for name, run := range map[string]func(*failover){
		"no commit lost":        noCommitLost,
		"commits lost":          commitsLost,
		"slot not synchronized": slotNotSynchronized,
	} {
		cases[name] = func(t *testing.T, binary string, version int) { run(newSourceFailover(open(t, binary, version))) }
	}
	return cases
}

const replicaSlot = "tailrace_replica"

func newSourceFailover(p *pair) *failover {
	p.t.Helper()
	f := &failover{
		pair: p, former: p.source, promoted: p.source.Standby(p.t), settings: "failover = true\n    heartbeat = \"1s\"",
	}
	p.urls[0] = either(f.former, f.promoted)
	f.start()
	return f
}

// noCommitLost: the former primary had WAL that the standby never received, and the sink's position was beyond it. No commit
// was in it, so the pipeline continues. Then the former primary comes back, still a primary, and is the first in url.
func noCommitLost(f *failover) {
	t := f.t
	f.promoted.SyncSlot(t, f.former, replicaSlot)
	f.insert(11, 20)
	f.drain()
	f.promoted.CatchUp(t, f.former)
	if err := f.promoted.Stop(testenv.Fast); err != nil {
		t.Fatal(err)
	}
	f.former.Exec(t, "SELECT pg_logical_emit_message(false, 'idle', 'not a commit')", "CHECKPOINT")
	f.drain()
	durable := f.status().Sinks[0].Durable.LSN.String()
	if err := f.former.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := f.promoted.Start(); err != nil {
		t.Fatal(err)
	}
	if f.promoted.Query(t, "postgres", "SELECT pg_last_wal_replay_lsn() < '"+durable+"'") != "true" {
		t.Fatalf("the standby has what the sink holds, %s: the case is not the one that is meant", durable)
	}
	f.promoted.Promote(t)
	f.source = f.promoted
	f.other.source = f.promoted
	f.goesOn(21)

	if err := f.former.Start(); err != nil {
		t.Fatal(err)
	}
	f.daemon.kill()
	f.launch()
	f.halts("timeline_diverged")
	if err := f.former.Stop(testenv.Fast); err != nil {
		t.Fatal(err)
	}
	f.insert(41, 50)
	f.drain()
	f.equal()
}

// commitsLost: the sink has commits that the promoted server never had.
func commitsLost(f *failover) {
	t := f.t
	f.promoted.SyncSlot(t, f.former, replicaSlot)
	if err := f.promoted.Stop(testenv.Fast); err != nil {
		t.Fatal(err)
	}
	f.insert(11, 20)
	f.drain()
	if err := f.former.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := f.promoted.Start(); err != nil {
		t.Fatal(err)
	}
	f.promoted.Promote(t)
	f.source = f.promoted
	f.insert(11, 15) // as if nothing had happened
	f.bothHalt("timeline_diverged")
}

// slotNotSynchronized: the slot was never copied to the standby, so rows written after the promotion are in no stream.
func slotNotSynchronized(f *failover) {
	t := f.t
	f.promoted.CatchUp(t, f.former)
	f.fail()
	f.source = f.promoted
	f.insert(11, 20)
	f.bothHalt("slot_missing")
}
