package cachecheck

import (
	"os"
	"slices"
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

// fullProtocol is the protocol on a primary.
const fullProtocol = "lease + snapshot proof"

// groupProtocol is the same for keys that depend on many rows.
const groupProtocol = "lease + snapshot proof, 40 rows"

type outcome string

const (
	holds   outcome = "holds"   // no hit is late, no key is wrong after the drain
	loses   outcome = "loses"   // a control: if it does not fail, the checker is broken
	bounded outcome = "bounded" // no key is wrong after the drain
	open    outcome = ""        // printed
)

func (r *rig) protocols(batch int) []*protocolCase {
	primary, standby := r.database(r.primary), r.database(r.standby)
	of := func(name string, want outcome, db int, c Client) *protocolCase {
		return &protocolCase{name: name, outcome: want, readers: &Readers{Client: c, Applied: r.applied[db], Batch: batch, Pause: 8 * time.Millisecond}}
	}
	return []*protocolCase{
		of("GET/SET", loses, exactly, &Plain{Cache: r.cache(exactly, "plain:"), Database: primary}),
		of("lease only", loses, exactly, r.leased("lease:", 1, NoProof(primary))),
		of("lease + LSN proof", loses, exactly, r.leased("lsn:", 1, LSNProof(primary))),
		of(fullProtocol, holds, exactly, r.leased("full:", 1, SnapshotProof(primary))),
		of(groupProtocol, holds, exactly, r.leased("group:", group, SnapshotProof(primary))),
		of("the same, refreshed keys", holds, exactly, r.leased("refresh:", 1, SnapshotProof(primary))),
		of("lease only, standby", loses, exactly, r.leased("behind:", 1, NoProof(standby))),
		of("lease + replay proof, standby", holds, exactly, r.leased("standby:", 1, ReplayProof(standby))),
		of("GET/SET, plain_fillers", bounded, plainFillers, &Plain{Cache: r.cache(plainFillers, "filler:"), Database: primary}),
	}
}

// racesOccurred fails unless readers have met commits that were not visible, and keys with more of them than a tombstone lists.
func (r *rig) racesOccurred(cases []*protocolCase) {
	refused, _ := named(cases, fullProtocol).readers.Client.(*Leased).Races()
	refusedOfGroups, overflowed := named(cases, groupProtocol).readers.Client.(*Leased).Races()
	r.Logf("values refused by the proof: %d and %d; leases with an overflow: %d", refused, refusedOfGroups, overflowed)
	if refused == 0 || refusedOfGroups == 0 || overflowed == 0 {
		r.Error("the races have not occurred, so the run shows nothing")
	}
}

// TestCache runs every protocol in front of the same keys, under each fault once. The controls have to lose in the same run.
func TestCache(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	r := newRig(t, true)
	cases := r.protocols(16)
	check(r, cases, 4, func() {
		r.calm(cases)
		r.round(300 * time.Millisecond)
	})
	r.racesOccurred(cases)
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
	cases := r.protocols(64)
	check(r, cases, 12, func() {
		r.calm(cases)
		for full := named(cases, fullProtocol); full.readers.Seen().Reads < reads && !r.Failed(); {
			r.round(time.Second)
			r.Logf("%s", table(cases))
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

// named returns the case of a name.
func named(cases []*protocolCase, name string) *protocolCase {
	return cases[slices.IndexFunc(cases, func(c *protocolCase) bool { return c.name == name })]
}

// Many writers that commit seldom: while the standby is held up, each has a commit that is not visible. A group of rows then has more
// of them than a tombstone lists.
const (
	writers     = 64
	writerPause = 250 * time.Millisecond
)

// check lets goroutines of each case read, and writers write, while during runs. It drains, and checks the outcomes.
func check(r *rig, cases []*protocolCase, goroutines int, during func()) {
	stopReaders, stopWriters := make(chan struct{}), make(chan struct{})
	var reading, writing sync.WaitGroup
	for _, w := range NewWriters(writers, r.history, r.applied...) {
		writing.Go(func() {
			if err := w.Run(r.Context(), r.primary.URL(), writerPause, stopWriters); err != nil {
				r.Error(err)
			}
		})
	}
	for _, c := range cases {
		reading.Go(func() { c.readers.Run(r.Context(), goroutines, stopReaders) })
	}
	endWriting := sync.OnceFunc(func() { close(stopWriters); writing.Wait() })
	endReading := sync.OnceFunc(func() { close(stopReaders); reading.Wait() })
	defer func() { // where the test ends early
		_ = r.standbyLink.Heal()
		endWriting()
		endReading()
	}()
	during()
	endWriting()
	r.untilApplied()
	endReading()
	time.Sleep(3 * time.Second) // the last deletion for plain fillers, after 2 s
	for _, c := range cases {
		c.wrong = r.wrong(c.readers.Client)
	}
	r.Logf("\n%s", table(cases))
	for _, a := range r.applied {
		p50, p99, longest := a.Delays()
		r.Logf("commit returned -> invalidation known to have run: median %s, 99%% %s, longest %s", p50, p99, longest)
		if n := a.Unapplied(); n > 0 {
			r.Errorf("%d invalidations are not known to have run after the drain", n)
		}
	}
	for _, c := range cases {
		r.judge(c)
	}
}

// wrong counts the keys whose cached value differs from the database's.
func (r *rig) wrong(c Client) (n int) {
	for key := range c.KeyOf(hotRows-1) + 1 {
		cached, err := c.Peek(r.Context(), key)
		r.must(err)
		var want []int64
		rows := c.RowsOf(key)
		r.must(r.conn.QueryRow(r.Context(), "SELECT array_agg(version ORDER BY id) FROM hot WHERE id >= $1 AND id < $1 + $2",
			rows.First, rows.N).Scan(&want))
		if cached != nil && !slices.Equal(cached, want) {
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
	case seen.Hits < seen.Reads/10:
		r.Errorf("%s: only %d hits of %d reads", c.name, seen.Hits, seen.Reads)
	case c.outcome == holds && seen.Lost():
		r.Errorf("%s: %d hits are late, by up to %s; %d keys are wrong after the drain", c.name, seen.Late, seen.Latest, seen.Wrong)
	case c.outcome == loses && !seen.Lost():
		r.Errorf("%s: a control has not lost, so the checker is broken", c.name)
	case c.outcome == bounded && seen.Wrong > 0:
		r.Errorf("%s: %d keys are wrong after the drain", c.name, seen.Wrong)
	}
}
