package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/ledger"
	"github.com/tailrace/tailrace/internal/ledger/workload"
	"github.com/tailrace/tailrace/internal/testenv"
)

// trial is the configuration of one run.
type trial struct {
	program program
	prepare func(*rig, *pgx.Conn) // between the empty tables and their first rows
	seed    uint64
	rate    int           // transactions per second
	busy    bool          // the load begins before the daemon: its snapshot reads tables that change
	events  int           // of the writers, as many make events
	least   time.Duration // of load; longer until the plan is complete
	plan    plan
	slack   ledger.Slack
}

// run runs the trial and returns the findings of the oracles.
func (tr trial) run(t *testing.T) []error {
	version := []int{testenv.Newest, testenv.Oldest}[tr.seed%2]
	r := newRig(t, version, tr.program, tr.prepare)
	t.Logf("seed %d, Postgres %d", tr.seed, r.postgres.Version)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan workload.Stats, 1)
	load := func() {
		go func() {
			done <- workload.Run(ctx, r.postgres.URL(), workload.Config{Seed: tr.seed, Rate: tr.rate, Events: tr.events})
		}()
	}
	if tr.busy {
		load()
		time.Sleep(2 * time.Second)
	}
	d := r.launch()
	r.program.ready(r, d)
	start := r.program.sample(r, d)
	if !tr.busy {
		load()
	}
	n := &nemesis{rig: r, rand: rand.New(rand.NewPCG(tr.seed, 99))}
	until := time.Now().Add(tr.least)
	n.torment(tr.plan, until)
	time.Sleep(time.Until(until))
	cancel()
	t.Logf("workload: %+v; %d kills, %d of a daemon that was writing", <-done, n.kills, n.progress)
	if n.progress < n.kills/2 {
		t.Errorf("only %d of %d kills hit a daemon that was writing", n.progress, n.kills)
	}
	d = r.drain()
	end := r.settled(d)
	t.Logf("at the start %s; at the end %s", start, end)
	r.program.drained(r, d)
	defer func(begin time.Time) { t.Logf("judged in %s", time.Since(begin).Round(time.Millisecond)) }(time.Now())
	errs := append(r.checkHistory(), ledger.Liveness(start, end, tr.slack)...)
	if tr.events > 0 {
		errs = append(errs, r.checkEvents()...)
	}
	return errs
}

// drain waits until the slot reports that everything is durable, with one daemon left.
func (r *rig) drain() *daemon {
	d := r.one()
	for len(r.daemons) > 1 {
		r.kill(r.daemons[len(r.daemons)-1])
	}
	end := r.postgres.Query(r.t, "postgres", "select pg_current_wal_lsn()")
	began := time.Now()
	r.until("the slot to be confirmed up to "+end, 2*time.Minute, func() bool {
		d = r.one()
		return r.confirmed(end)
	})
	r.t.Logf("drained in %s", time.Since(began).Round(time.Millisecond))
	return d
}

// settled returns a sample when the lag is 0. What a daemon does when events are durable, such as the deletion of the rows of an
// outbox, is a change of the source again; it ends soon after the workload. If it does not, the sample shows the lag.
func (r *rig) settled(d *daemon) ledger.Sample {
	s := r.program.sample(r, d)
	for deadline := time.Now().Add(30 * time.Second); s.Lag > 0 && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		s = r.program.sample(r, d)
	}
	return s
}

// confirmed reports whether the slot is confirmed up to a position.
func (r *rig) confirmed(lsn string) bool {
	return r.postgres.Query(r.t, "postgres", fmt.Sprintf(
		"select confirmed_flush_lsn >= '%s' from pg_replication_slots where slot_name = '%s'", lsn, r.program.slot())) == "true"
}

// checkHistory reads everything and applies the oracles.
func (r *rig) checkHistory() []error {
	ctx := r.t.Context()
	var err error
	r.acks, err = r.recorder.Acks()
	r.must(err)
	source := r.connect()
	truth, err := workload.ReadTruth(ctx, source)
	r.must(err)
	changes, err := ledger.ReadReference(ctx, source)
	r.must(err)
	scratch, err := pgx.Connect(ctx, r.postgres.URL(testenv.NewDatabase(r.t, r.postgres)))
	r.must(err)
	defer func() { _ = scratch.Close(ctx) }()
	history, events := r.topics.history(r.t)
	r.events = events
	r.t.Logf("%d transactions, %d changes, %d records in the topics, %d acknowledgements",
		len(truth.Txs), len(changes), len(history), len(r.acks))
	return ledger.Judge(history,
		ledger.NewGap(),
		ledger.NewOrder(),
		ledger.NewAffinity(),
		ledger.NewIdentity(false),
		ledger.NewAtomicity(truth),
		ledger.NewFingerprint(ctx, source, scratch),
		ledger.NewAckSafety(r.acks, changes),
		ledger.NewReference(changes))
}
