package cachecheck

import (
	"os"
	"sync"
	"testing"
	"time"
)

// protocolCase is what a run checks, and what has to come out.
type protocolCase struct {
	name    string
	readers *Readers
	outcome outcome
	wrong   int // keys after the drain
}

type outcome string

const (
	holds   outcome = "holds"   // no hit is late, no key is wrong after the drain
	loses   outcome = "loses"   // a control: if it does not fail, the checker is broken
	bounded outcome = "bounded" // no key is wrong after the drain
	open    outcome = ""        // printed
)

func (r *rig) protocols(pause time.Duration) []*protocolCase {
	primary, standby := r.database(r.primary), r.database(r.standby)
	of := func(name string, want outcome, db int, c Client) *protocolCase {
		return &protocolCase{name: name, outcome: want, readers: &Readers{Client: c, Applied: r.applied[db], Batch: 16, Pause: pause}}
	}
	return []*protocolCase{
		of("GET/SET", loses, exactly, &Plain{Cache: r.cache(exactly, "plain:"), Database: primary}),
		of("lease only", loses, exactly, r.leased("lease:", NoProof(primary))),
		of("lease + LSN proof", loses, exactly, r.leased("lsn:", LSNProof(primary))),
		of("lease + snapshot proof", holds, exactly, r.leased("full:", SnapshotProof(primary))),
		of("lease only, standby", loses, exactly, r.leased("behind:", NoProof(standby))),
		of("lease + replay proof, standby", holds, exactly, r.leased("standby:", ReplayProof(standby))),
		of("GET/SET, plain_fillers", bounded, plainFillers, &Plain{Cache: r.cache(plainFillers, "filler:"), Database: primary}),
	}
}

// TestCache runs every protocol in front of the same keys, under each fault once. The controls have to lose in the same run.
func TestCache(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	r := newRig(t, true)
	cases := r.protocols(8 * time.Millisecond)
	check(r, cases, func() {
		r.calm(cases)
		r.round(300 * time.Millisecond)
	})
}

// TestCacheSoak makes three million reads through the full protocol under faults. It runs with TAILRACE_SOAK set.
func TestCacheSoak(t *testing.T) {
	if os.Getenv("TAILRACE_SOAK") == "" {
		t.Skip("set TAILRACE_SOAK")
	}
	t.Run("synchronous standby", func(t *testing.T) { soak(newRig(t, true), 3_000_000) })
	t.Run("primary alone", func(t *testing.T) { soak(newRig(t, false), 1_000_000) })
}

func soak(r *rig, reads int64) {
	cases := r.protocols(2 * time.Millisecond)
	check(r, cases, func() {
		r.calm(cases)
		for fewest(cases) < reads && !r.Failed() {
			r.round(time.Second)
		}
	})
}

// calm lets all read without faults, and prints what they have seen.
func (r *rig) calm(cases []*protocolCase) {
	time.Sleep(3 * time.Second)
	r.Logf("without faults:\n%s", table(cases))
}

func table(cases []*protocolCase) string {
	rows := make([]Row, len(cases))
	for i, c := range cases {
		rows[i] = Row{c.name, c.readers.Seen()}
		rows[i].Wrong = c.wrong
	}
	return Table(rows)
}

// round lets every fault happen once, with pauses in between.
func (r *rig) round(pause time.Duration) {
	for _, f := range faults {
		began := r.history.Now()
		f.run(r)
		r.Logf("%5.1f s: %s", began.Seconds(), f.name)
		time.Sleep(pause)
	}
}

// fewest returns the number of reads of the protocol that has the fewest of those that have to hold.
func fewest(cases []*protocolCase) int64 {
	n := int64(-1)
	for _, c := range cases {
		if reads := c.readers.Seen().Reads; c.outcome == holds && (n < 0 || reads < n) {
			n = reads
		}
	}
	return n
}

// check lets all read and write while during runs, drains, and checks the outcomes.
func check(r *rig, cases []*protocolCase, during func()) {
	stopReaders, stopWriters := make(chan struct{}), make(chan struct{})
	var readers, writers sync.WaitGroup
	for _, w := range NewWriters(8, r.history, r.applied...) {
		writers.Go(func() {
			if err := w.Run(r.Context(), r.primary.URL(), 10*time.Millisecond, stopWriters); err != nil {
				r.Error(err)
			}
		})
	}
	for _, c := range cases {
		readers.Go(func() { c.readers.Run(r.Context(), 4, stopReaders) })
	}
	during()
	close(stopWriters)
	writers.Wait()
	r.untilApplied()
	close(stopReaders)
	readers.Wait()
	time.Sleep(3 * time.Second) // the last deletion for plain fillers, after 2 s
	for _, c := range cases {
		c.wrong = r.wrong(c.readers.Client)
	}
	r.Logf("\n%s", table(cases))
	for _, a := range r.applied {
		p50, p99, longest := a.Delays()
		r.Logf("commit returned -> invalidation known to have run: median %s, 99%% %s, longest %s", p50, p99, longest)
	}
	for _, c := range cases {
		r.judge(c)
	}
}

// wrong counts the keys whose cached value differs from the database's.
func (r *rig) wrong(c Client) (n int) {
	for id := range hotKeys {
		cached, found, err := c.Peek(r.Context(), id)
		r.must(err)
		var version int64
		r.must(r.conn.QueryRow(r.Context(), "SELECT version FROM hot WHERE id = $1", id).Scan(&version))
		if found && cached != version {
			n++
		}
	}
	return n
}

// judge compares what readers have seen with what has to come out.
func (r *rig) judge(c *protocolCase) {
	seen := c.readers.Seen()
	seen.Wrong = c.wrong
	switch {
	case seen.Hits < seen.Reads/4:
		r.Errorf("%s: only %d hits of %d reads", c.name, seen.Hits, seen.Reads)
	case c.outcome == holds && seen.Lost():
		r.Errorf("%s: %d hits are late, by up to %s; %d keys are wrong after the drain", c.name, seen.Late, seen.Latest, seen.Wrong)
	case c.outcome == loses && !seen.Lost():
		r.Errorf("%s: a control has not lost, so the checker is broken", c.name)
	case c.outcome == bounded && seen.Wrong > 0:
		r.Errorf("%s: %d keys are wrong after the drain", c.name, seen.Wrong)
	}
}
