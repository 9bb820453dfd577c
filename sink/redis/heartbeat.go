package redis

import (
	"context"
	"time"

	"github.com/tailrace/tailrace/cache/protocol"
)

// floorDistance is how old what the floor covers is: well within the life of a settled tombstone.
const floorDistance = 30 * time.Second

// beat writes the heartbeat: everything that this or an earlier daemon had applied is applied.
func (w *worker) beat(ctx context.Context, now time.Time) error {
	w.nextBeat = now.Add(beatPause)
	applied := protocol.LSN(w.applied.Flush())
	if w.repaired || w.applied.IsZero() || applied < w.node.inherited {
		return nil
	}
	if now.Sub(w.lastBeat) > heartbeatTTL/2 { // the last one may have expired
		w.floor.restart(applied)
	}
	h := protocol.Heartbeat{
		Epoch: w.node.epoch, Applied: applied, Floor: w.floor.advance(now, applied), Time: w.fresh(now).Add(w.node.offset),
	}
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	if err := protocol.Check(w.node.library.Beat(ctx, w.node.client, w.node.guard(w.node.owner.Watermark), h, heartbeatTTL)); err != nil {
		return err
	}
	w.lastBeat = now
	return nil
}

// fresh returns the time whose commits the cache has: that of the last commit while commits come, which may be old when the daemon lags,
// and now when none has come for two heartbeats.
func (w *worker) fresh(now time.Time) time.Time {
	if now.Sub(w.commitAt) < 2*beatPause && w.commitTime.Before(now) {
		return w.commitTime
	}
	return now
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
