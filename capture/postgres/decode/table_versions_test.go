package decode

import (
	"testing"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Transaction ids have 32 bits: a stream, the readings of the catalogue and the rows that they show stand on both sides of a wrap.
func TestTransactionIDsWrap(t *testing.T) {
	const half, last = 1 << 31, 1<<32 - 1
	for _, c := range []struct {
		a, b uint32
		want bool
	}{
		{5, 6, true}, {6, 5, false}, {5, 5, false}, {last, 3, true}, {3, last, false}, {3, half + 2, true}, {3, half + 4, false}, {half - 1, half, true},
	} {
		if pgconnect.XIDPrecedes(c.a, c.b) != c.want {
			t.Errorf("%d precedes %d: %v", c.a, c.b, !c.want)
		}
	}

	// The text has ids with their epoch: the next one is 2^32 + 5, and 2^32 - 2 and 2^32 + 3 run.
	view := catalogView{text: "4294967294:4294967301:4294967294,4294967299"}
	if err := view.parse(); err != nil {
		t.Fatal(err)
	}
	for xid, want := range map[uint32]bool{last - 2: true, last - 1: false, last: true, 3: false, 4: true, 5: false, 100: false} {
		if view.snapshot.sees(xid) != want {
			t.Errorf("the snapshot sees %d: %v", xid, !want)
		}
	}

	// What a reading shows was written before its xmax, so an id that seems to come after it is more than 2^31 transactions old.
	for _, c := range []struct {
		name                        string
		from, next                  uint32
		older, frozen, since, newer uint32
	}{
		{"far from a wrap", 1000, 1010, 999, 2, 1000, 1009},
		{"rows older than 2^31 transactions", half + 1000, half + 1010, half + 999, 730, half + 1000, half + 1009},
		{"before a wrap", last - 10, last, last - 11, 730, last - 10, last - 1},
		{"over a wrap", last - 1, 10, last - 2, half + 5, last, 9},
		{"after a wrap", 10, 20, last, half + 15, 10, 19},
	} {
		v, s := versions{from: c.from}, &catalogSnapshot{xmin: c.from, xmax: c.next}
		if !v.old(c.older, s) || !v.old(c.frozen, s) || v.old(c.since, s) || v.old(c.newer, s) {
			t.Errorf("%s: from %d to %d: old are %d %v, %d %v, %d %v, %d %v", c.name, c.from, c.next, c.older, v.old(c.older, s),
				c.frozen, v.old(c.frozen, s), c.since, v.old(c.since, s), c.newer, v.old(c.newer, s))
		}
	}

	// A version that was read on both sides of a wrap is the one of a transaction between them.
	before, after := &catalogSnapshot{xmin: last - 5, xmax: last - 5}, &catalogSnapshot{xmin: 10, xmax: 10}
	v := versions{tables: map[uint32][]version{1: {
		{description: description{fingerprint: 1}, first: before, last: before}, {description: description{fingerprint: 2}, first: after, last: after},
	}}}
	for xid, want := range map[uint32]int64{last - 6: 1, last - 5: 2, last: 2, 9: 2} {
		if got, _, _ := v.at(1, xid); got == nil || got.fingerprint != want {
			t.Errorf("at %d there is %+v, want version %d", xid, got, want)
		}
	}
	if got, _, _ := v.at(1, 10); got != nil {
		t.Errorf("at 10 there is %+v", got)
	}
}
