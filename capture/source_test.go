package capture_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
)

func TestOriginAt(t *testing.T) {
	o := capture.Origin{System: 7, Timeline: 5, History: []capture.Timeline{{ID: 1, End: 100}, {ID: 3, End: 200}}}
	for lsn, want := range map[capture.LSN]uint32{0: 1, 99: 1, 100: 3, 199: 3, 200: 5, 1 << 40: 5} {
		if got := o.At(lsn); got != want {
			t.Errorf("%s is on timeline %d, want %d", lsn, got, want)
		}
	}
	if got := (capture.Origin{Timeline: 1}).At(9); got != 1 {
		t.Errorf("without a history: timeline %d", got)
	}
}

// The epoch is part of an event's id: it stays the same over a failover, differs where the log differs, and never changes
// between releases.
func TestOriginEpoch(t *testing.T) {
	const system = 7321456789012345678
	before := capture.Origin{System: system, Timeline: 1}
	after := capture.Origin{System: system, Timeline: 2, History: []capture.Timeline{{ID: 1, End: 100}}}
	if before.Epoch(99) != after.Epoch(99) {
		t.Error("a failover changed the epoch of what came before it")
	}
	if after.Epoch(99) == after.Epoch(100) {
		t.Error("two timelines share an epoch")
	}
	if got, want := before.Epoch(99), uint32(0x367c9770); got != want {
		t.Errorf("the epoch is %08x, want %08x", got, want)
	}
	seen := map[uint32]uint32{}
	for timeline := uint32(1); timeline < 100_000; timeline++ {
		e := capture.Origin{System: system, Timeline: timeline}.Epoch(0)
		if other, ok := seen[e]; ok {
			t.Fatalf("timelines %d and %d share epoch %08x", other, timeline, e)
		}
		seen[e] = timeline
	}
}
