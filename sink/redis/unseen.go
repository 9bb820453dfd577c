package redis

import (
	"time"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
)

// unseen is the commits that were applied before the source showed them to new snapshots.
type unseen struct {
	commits map[protocol.XID]settlement
	ops     int // of all of them
}

// settlement is such a commit and what it did.
type settlement struct {
	xid protocol.XID
	lsn protocol.LSN
	ops []keyed
}

func (u *unseen) add(xid protocol.XID, lsn protocol.LSN, ops []keyed) {
	if u.commits == nil {
		u.commits = map[protocol.XID]settlement{}
	}
	u.commits[xid] = settlement{xid, lsn, ops}
	u.ops += len(ops)
}

// take removes and returns the commits that a snapshot shows.
func (u *unseen) take(seen capture.Snapshot) (shown []settlement) {
	for xid, s := range u.commits {
		if seen.Shows(uint64(xid)) {
			shown = append(shown, s)
			delete(u.commits, xid)
			u.ops -= len(s.ops)
		}
	}
	return shown
}

// unsettle returns commits whose settlement has failed.
func (u *unseen) unsettle(settled []settlement) {
	for _, s := range settled {
		u.commits[s.xid] = s
		u.ops += len(s.ops)
	}
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

// again returns the second invalidation: a tombstone may have lapsed, or been evicted, before the commit was visible. What a refresh
// has stored is the commit's own value, and stays.
func (s settlement) again() (ops []keyed) {
	for _, o := range s.ops {
		if !o.refresh {
			ops = append(ops, o)
		}
	}
	return ops
}

// fillers are invalidations for clients that fill keys without a lease: once more after 250 ms and after 2 s.
type fillers struct{ first, second []delayed }

type delayed struct {
	at  time.Time
	ops []keyed
}

func (f *fillers) schedule(ops []keyed, now time.Time) {
	if len(ops) == 0 {
		return
	}
	f.first = append(f.first, delayed{now.Add(fillerDelay1), ops})
	f.second = append(f.second, delayed{now.Add(fillerDelay2), ops})
}

// due removes and returns what is due.
func (f *fillers) due(now time.Time) (ops []keyed) {
	for _, list := range []*[]delayed{&f.first, &f.second} {
		for len(*list) > 0 && !(*list)[0].at.After(now) {
			for _, o := range (*list)[0].ops {
				if !o.refresh {
					ops = append(ops, o)
				}
			}
			*list = (*list)[1:]
		}
	}
	return ops
}

// next returns when the next one is due.
func (f *fillers) next() (at time.Time, any bool) {
	for _, list := range [][]delayed{f.first, f.second} {
		if len(list) > 0 && (!any || list[0].at.Before(at)) {
			at, any = list[0].at, true
		}
	}
	return at, any
}

// floor is the LSN that a standby has to have replayed, whatever a key's tombstone says: tombstones of commits up to it may have
// lapsed.
type floor struct {
	samples []sample
	lsn     protocol.LSN
}

type sample struct {
	at  time.Time
	lsn protocol.LSN
}

// restart begins after a gap in the heartbeat: any tombstone may have lapsed.
func (f *floor) restart(applied protocol.LSN) { f.samples, f.lsn = nil, max(f.lsn, applied) }

// advance records what is applied now and returns the floor.
func (f *floor) advance(now time.Time, applied protocol.LSN) protocol.LSN {
	f.samples = append(f.samples, sample{now, applied})
	for len(f.samples) > 0 && now.Sub(f.samples[0].at) >= floorDistance {
		f.lsn = max(f.lsn, f.samples[0].lsn)
		f.samples = f.samples[1:]
	}
	return f.lsn
}
