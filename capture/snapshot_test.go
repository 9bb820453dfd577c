package capture_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
)

func TestSnapshotShows(t *testing.T) {
	s := capture.Snapshot{Xmin: 1<<32 + 10, Xmax: 1<<32 + 20, InProgress: []uint64{1<<32 + 10, 1<<32 + 14}}
	for xid, want := range map[uint64]bool{
		10: true, 1<<32 + 9: true, 1<<32 + 10: false, 1<<32 + 11: true, 1<<32 + 14: false, 1<<32 + 19: true, 1<<32 + 20: false, 2 << 32: false,
	} {
		if s.Shows(xid) != want {
			t.Errorf("xid %d: %v", xid, !want)
		}
	}
}
