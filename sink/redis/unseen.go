package redis

import (
	"time"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
)

// unseen is the commits that were applied before the source showed them to new snapshots.
type unseen struct {
	commits map[protocol.XID]settlement
	bytes   int
}

// settlement is such a commit and what it did.
type settlement struct {
	xid   protocol.XID
	ops   []keyed
	since time.Time
}

func (s settlement) size() int { return commitBytes + sizeOf(s.ops) }

func (u *unseen) add(s settlement) {
	if u.commits == nil {
		u.commits = map[protocol.XID]settlement{}
	}
	u.commits[s.xid] = s
	u.bytes += s.size()
}

// take removes and returns the commits that a snapshot shows.
func (u *unseen) take(seen capture.Snapshot) (shown []settlement) {
	if seen.Xmax == 0 {
		return nil
	}
	for xid, s := range u.commits {
		if seen.Shows(uint64(xid)) {
			shown = append(shown, s)
			delete(u.commits, xid)
			u.bytes -= s.size()
		}
	}
	return shown
}

// has reports whether a commit has not been shown yet.
func (u *unseen) has(xid protocol.XID) bool {
	_, has := u.commits[xid]
	return has
}

func (u *unseen) any(xids []protocol.XID) bool {
	for _, xid := range xids {
		if u.has(xid) {
			return true
		}
	}
	return false
}

// oldest returns when the commit was applied that is not visible for the longest time; zero: all are visible.
func (u *unseen) oldest() (at time.Time) {
	for _, s := range u.commits {
		if at.IsZero() || s.since.Before(at) {
			at = s.since
		}
	}
	return at
}

// again returns the second invalidation: a tombstone may have been evicted before the commit was visible. What a refresh has stored is
// the commit's own value, and stays.
func (s settlement) again(inherited protocol.LSN) (ops []keyed) {
	for _, o := range s.ops {
		if !o.stores() || o.lsn <= inherited {
			ops = append(ops, o)
		}
	}
	return ops
}

// invalidations returns the ops of all commits that are not visible yet.
func (u *unseen) invalidations() (ops []keyed) {
	for _, s := range u.commits {
		ops = append(ops, s.ops...)
	}
	return ops
}

// sizeOf returns about how many bytes ops keep alive.
func sizeOf(ops []keyed) (bytes int) {
	for i := range ops {
		bytes += ops[i].size()
	}
	return bytes
}
