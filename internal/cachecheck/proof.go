package cachecheck

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/cache/protocol"
)

// Proof reads rows after a lease was granted. proven reports whether the value contains every commit whose
// tombstone the lease returned, so that it may be stored.
type Proof func(ctx context.Context, lease protocol.Lease, rows Rows) (versions []int64, proven bool, err error)

// NoProof fills under the lease alone, as clients of memcache do.
func NoProof(db *Database) Proof {
	return func(ctx context.Context, _ protocol.Lease, rows Rows) ([]int64, bool, error) {
		versions, err := db.versions(ctx, rows)
		return versions, true, err
	}
}

// LSNProof compares positions in the WAL, which proves nothing on a primary: a commit is in the WAL before it is visible.
func LSNProof(db *Database) Proof {
	return func(ctx context.Context, lease protocol.Lease, rows Rows) ([]int64, bool, error) {
		at, err := db.lsn(ctx, "pg_current_wal_flush_lsn")
		if err != nil {
			return nil, false, err
		}
		versions, err := db.versions(ctx, rows)
		return versions, protocol.LSN(at) >= newest(lease), err
	}
}

// SnapshotProof is the proof on a primary. It shares the data's snapshot: one statement, begun after the lease was granted.
func SnapshotProof(db *Database) Proof {
	const query = `SELECT (SELECT array_agg(version ORDER BY id) FROM hot WHERE id >= $1 AND id < $1 + $2),
		pg_snapshot_xmin(s)::text::bigint > $3
			AND NOT EXISTS (SELECT FROM unnest($4::text[]) x WHERE NOT pg_visible_in_snapshot(x::xid8, s))
		FROM pg_current_snapshot() s`
	return func(ctx context.Context, lease protocol.Lease, rows Rows) (versions []int64, proven bool, err error) {
		var listed []string
		for _, section := range []protocol.Section{lease.Key, lease.Namespace} {
			for _, xid := range section.XIDs {
				listed = append(listed, fmt.Sprint(xid))
			}
		}
		overflow := int64(max(lease.Key.Overflow, lease.Namespace.Overflow))
		err = db.scan(ctx, []any{&versions, &proven}, query, rows.First, rows.N, overflow, listed)
		return versions, proven, err
	}
}

// ReplayProof is the proof on a physical standby: it has replayed every commit that invalidated the key, by a statement that has ended
// before the data's snapshot is taken.
func ReplayProof(db *Database) Proof {
	return func(ctx context.Context, lease protocol.Lease, rows Rows) ([]int64, bool, error) {
		at, err := db.lsn(ctx, "pg_last_wal_replay_lsn")
		if err != nil {
			return nil, false, err
		}
		versions, err := db.versions(ctx, rows)
		beats := lease.Heartbeat.Epoch != ""
		return versions, beats && protocol.LSN(at) >= max(newest(lease), lease.Heartbeat.Floor), err
	}
}

func newest(lease protocol.Lease) protocol.LSN { return max(lease.Key.LSN, lease.Namespace.LSN) }
