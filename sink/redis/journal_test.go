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
