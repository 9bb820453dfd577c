package kafka

import (
	"bytes"
	"context"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
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
	commit   capture.Commit // the last one up to position
	origin   capture.Origin // of position
	verdict  *sink.Verdict  // that stands: it is carried on until Record takes it away
	topics   []string       // that we write to or are about to
	held     capture.Position
	dirty    bool      // position or state are newer than what is recorded
	durable  *progress // the record that is stored; nil: none, so far as we know
	recorded int       // how many topics it names
	busy     bool
	last     time.Time
	timer    *time.Timer
}

// settled takes over what is stored now. Positions only grow.
func (n *notes) settled(end capture.Position, state []byte, last capture.Commit) {
	if n.position.Before(end) {
		n.position, n.dirty = end, true
	}
	if !last.IsZero() {
		n.commit = last
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
	o := &n.origin
	p := &progress{
		Version: progressVersion, System: o.System, Timeline: o.Timeline, History: o.History, Publication: o.Publication,
		Database: o.Database, Slot: o.Slot, Commit: n.commit, Verdict: n.verdict, State: n.state, Topics: n.topics,
	}
	if p.Verdict != nil {
		p.Version = verdictVersion
	}
	if !n.position.IsZero() {
		at := n.position
		p.Position = &at
	}
	w.send(p, now)
}

// send has a progress record written. Under the lock; n.busy is set.
func (w *Writer) send(p *progress, now time.Time) {
	b := &batch{part: w.notes.part, note: p}
	b.records.Add(w.notes.key, p.encode(), nil)
	w.enqueue(b, now)
}

// repeat writes the stored record again, as it is: whatever the Writer was opened with does not count before it has made
// something durable. Under the lock.
func (w *Writer) repeat() {
	n := &w.notes
	if w.err != nil || n.busy || n.dirty || n.durable == nil {
		return // or a newer one is on its way
	}
	n.busy = true
	w.send(n.durable, time.Now())
}

// Record implements sink.Recorder.
func (w *Writer) Record(ctx context.Context, p sink.Progress) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := &w.notes
	n.position, n.commit, n.origin, n.verdict = p.Position, p.Commit, p.Origin, p.Verdict
	n.held, n.dirty = p.Position, true
	if p.State != nil {
		n.state = p.State
	}
	w.note(false)
	return w.wait(ctx, func() bool { return !n.dirty && !n.busy })
}

// noted: a progress record is stored. Only now is its position held (I1).
func (w *Writer) noted(p *progress) {
	n := &w.notes
	n.busy, n.durable, n.recorded = false, p, len(p.Topics)
	if p.Position != nil && n.held.Before(*p.Position) {
		n.held = *p.Position
		if !w.closed {
			w.lane.Held(n.held)
		}
	}
	w.changed.Broadcast()
	w.note(false)
}
