package capture

import (
	"context"
	"slices"
)

// SnapshotSource is a Source whose server can show which transactions a new snapshot sees: a commit is streamed before other
// sessions see it.
type SnapshotSource interface {
	// Snapshots returns a reader with a connection of its own, which it opens when it is first used. The caller closes it.
	Snapshots() SnapshotReader
}

// SnapshotReader reads snapshots of a source's server. One goroutine uses it.
type SnapshotReader interface {
	// ReadSnapshot returns a snapshot that is taken during the call. A *Problem halts the sink that asks.
	ReadSnapshot(ctx context.Context) (Snapshot, error)
	Close()
}

// Snapshot is which transactions a snapshot sees, as pg_current_snapshot() returns it. The ids are 64 bits wide, with the wraps.
type Snapshot struct {
	Xmin       uint64   // every transaction before it had ended
	Xmax       uint64   // no transaction from it on had ended
	InProgress []uint64 // those in between that had not ended
}

// Shows reports whether the snapshot sees a top-level transaction that has committed.
func (s Snapshot) Shows(xid uint64) bool {
	return xid < s.Xmin || xid < s.Xmax && !slices.Contains(s.InProgress, xid)
}
