package kafka

import (
	"bytes"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// noteEvery is the least time between two progress records while the position moves. The first after a pause goes at
// once: an idle line is confirmed without delay.
const noteEvery = 50 * time.Millisecond

// notes is how the progress record is kept: at most one on its way, always the newest position.
type notes struct {
	part     *partition // of the progress topic
	key      []byte
	position capture.Position // settled: everything up to it is stored
	state    []byte
	topics   []string // that we write to or are about to
	held     capture.Position
	dirty    bool // position or state are newer than what is recorded
	recorded int  // how many topics the record names
	busy     bool
	last     time.Time
	timer    *time.Timer
}

// settled takes over what is stored now. Positions only grow.
func (n *notes) settled(end capture.Position, state []byte) {
	if n.position.Before(end) {
		n.position, n.dirty = end, true
	}
	if state != nil && !bytes.Equal(state, n.state) {
		n.state, n.dirty = state, true
	}
}

// note sends a progress record when there is something to record, now or when its time has come. Under the lock.
func (w *Writer) note(timer bool) {
	n := &w.notes
	if timer {
		n.timer = nil
	}
	names := len(n.topics) > n.recorded
	if w.err != nil || n.busy || !n.dirty && !names {
		return
	}
	now := time.Now()
	if wait := noteEvery - now.Sub(n.last); wait > 0 && !names {
		if n.timer == nil {
			n.timer = time.AfterFunc(wait, func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.note(true)
			})
		}
		return
	}
	n.busy, n.dirty, n.last = true, false, now
	o := w.lane.Origin
	p := progress{
		Version: progressVersion, System: o.System, Timeline: o.Timeline, History: o.History, Publication: o.Publication,
		State: n.state, Topics: n.topics,
	}
	if !n.position.IsZero() {
		p.Position = &n.position
	}
	b := &batch{part: n.part, note: &note{n.position, len(n.topics)}}
	b.records.Add(n.key, p.encode(), nil)
	w.enqueue(b, now)
}

// noted: a progress record is stored. Only now is its position held (I1).
func (w *Writer) noted(b *note) {
	n := &w.notes
	n.busy, n.recorded = false, b.topics
	if n.held.Before(b.position) {
		n.held = b.position
		if !w.closed {
			w.lane.Held(b.position)
		}
	}
	w.changed.Broadcast()
	w.note(false)
}
