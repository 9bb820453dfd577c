package redis

import (
	"context"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// snapshots reads the source's snapshots.
type snapshots struct{ reader capture.SnapshotReader }

// snapshotTimeout is how long at most a snapshot takes.
const snapshotTimeout = 5 * time.Second

func (s *snapshots) read(ctx context.Context) (capture.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	return s.reader.ReadSnapshot(ctx)
}

func (s *snapshots) close() { s.reader.Close() }
