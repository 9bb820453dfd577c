package redis

import (
	"time"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
)

// hold is a run of commits between their application and the end of the hold.
type hold struct {
	end     capture.Position
	lsn     protocol.LSN
	number  uint64         // of its last call
	sweep   uint64         // the sweep that has to be complete
	unseen  []protocol.XID // commits that the source did not show when they were applied
	loses   bool           // Redis could lose an invalidation; false: copied rows, and positions of an idle source
	time    time.Time      // of the last transaction, by the source's clock; zero: there is none
	began   time.Time
	applied time.Time // zero: not yet
}

// holdParts is into about how many runs the commits of one hold are divided: the bound of the list's length.
const holdParts = 256

// hold adds a run, or extends the last one while that is young.
func (w *worker) hold(h hold) {
	if n := len(w.held); n > 0 {
		if last := &w.held[n-1]; h.began.Sub(last.began) < w.options.Hold/holdParts {
			if h.time.IsZero() {
				h.time = last.time
			}
			h.began, h.unseen, h.loses = last.began, append(last.unseen, h.unseen...), last.loses || h.loses
			*last = h
			return
		}
	}
	w.held = append(w.held, h)
}

// acknowledge reports what is applied, and what is durable: hold has passed where it counts, the source shows it, and the watermark
// covers it.
func (w *worker) acknowledge(now time.Time) {
	if !w.sweep.complete(w.sweep.afterLoss) {
		return
	}
	w.repaired = false
	before := w.applied
	for i := range w.held {
		h := &w.held[i]
		if !w.sweep.complete(h.sweep) {
			break
		}
		if h.applied.IsZero() {
			h.applied, w.applied = now, h.end
			if !h.time.IsZero() {
				w.commitTime, w.commitAt = h.time, now
			}
		}
	}
	if before != w.applied {
		w.lane.OnApplied(w.applied)
	}
	n := 0
	for n < len(w.held) && w.durable(&w.held[n], now) {
		n++
	}
	if n > 0 {
		w.journal.trim(w.held[n-1].number)
		w.lane.OnDurable(w.held[n-1].end)
		w.held = w.held[n:]
	}
}

func (w *worker) durable(h *hold, now time.Time) bool {
	held := h.loses && now.Sub(h.applied) < w.options.Hold
	return !h.applied.IsZero() && !held && h.lsn <= w.journal.marked && !w.unseen.any(h.unseen)
}
