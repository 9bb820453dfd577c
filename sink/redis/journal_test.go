package redis

import (
	"testing"

	"github.com/tailrace/tailrace/cache/protocol"
)

// The LSN of a call's watermark is that of the last commit that is complete with it.
func TestWatermarkMovesWithEachCommit(t *testing.T) {
	set := func(lsn protocol.LSN) keyed { return keyed{op: op{key: "k", refresh: true}, lsn: lsn} }
	drop := func(lsn protocol.LSN) keyed { return keyed{op: op{key: "k"}, lsn: lsn} }
	for _, c := range []struct {
		name string
		ops  []keyed
		want []protocol.LSN // of each call
	}{
		{"a commit of two refreshes", []keyed{set(10), set(10), set(20)}, []protocol.LSN{5, 10, 30}},
		{"invalidations share a call", []keyed{drop(10), drop(20), set(20), drop(25)}, []protocol.LSN{10, 20, 30}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := journal{token: "t", lsn: 5}
			j.add(c.ops, 30)
			if len(j.calls) != len(c.want) {
				t.Fatalf("%d calls, want %d", len(j.calls), len(c.want))
			}
			for i, want := range c.want {
				if w, ok := parseWatermark(j.calls[i].watermark); !ok || w.lsn != want {
					t.Errorf("call %d: LSN %d, want %d", i, w.lsn, want)
				}
			}
		})
	}
}

// A call that Redis has lost may have lost a sweep with it.
func TestRewindFindsLostSweeps(t *testing.T) {
	j := journal{token: "t", limit: 1 << 20}
	j.add([]keyed{{op: op{key: "a"}, lsn: 10}}, 10)
	j.add([]keyed{{lsn: 20}}, 20) // the namespace's section
	j.markSwept()
	j.add([]keyed{{op: op{key: "b"}, lsn: 30}}, 30)
	for number, want := range map[uint64]bool{1: true, 2: true, 3: false, 4: false} {
		j.acknowledge(len(j.pending()))
		repeated, swept, known := j.rewind(watermark{token: "t", number: number})
		if swept != want || repeated != int(4-number) || !known {
			t.Errorf("after call %d: %d calls repeated, swept %v, known %v", number, repeated, swept, known)
		}
	}
}

// What a daemon repeats after a restart lies before what an earlier one had applied: the watermark must not fall below that, or the
// next daemon would store older values again.
func TestWatermarkKeepsWhatWasInherited(t *testing.T) {
	j := journal{token: "t", lsn: 30}
	j.add([]keyed{{op: op{key: "a", refresh: true}, lsn: 10}, {op: op{key: "a", refresh: true}, lsn: 20}}, 20)
	for _, c := range j.calls {
		if w, _ := parseWatermark(c.watermark); w.lsn != 30 {
			t.Errorf("the watermark of call %d falls to %d", c.number, w.lsn)
		}
	}
	if j.mark(); len(j.calls) != 2 {
		t.Error("a position before the inherited one is marked")
	}
}
