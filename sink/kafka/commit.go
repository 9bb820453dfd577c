package kafka

import (
	"bytes"
	"context"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// commitInterval is the least time between two progress records while the position moves. The first after a pause goes at
// once: an idle line is confirmed without delay.
const commitInterval = 50 * time.Millisecond

// commitState is how the progress record is kept: at most one on its way, always the newest position.
type commitState struct {
	part         *partition // of the progress topic
	key          []byte
	position     capture.Position // settled: everything up to it is stored
	state        []byte
	commit       capture.Commit // the last one up to position
	origin       capture.Origin // of position
	verdict      *sink.Verdict  // that stands: it is carried on until Record takes it away
	topics       []string       // that we write to or are about to
	durablePos   capture.Position
	dirty        bool      // position or state are newer than what is recorded
	stored       *progress // the record that is stored; nil: none, so far as we know
	storedTopics int       // how many topics it names
	inFlight     bool
	last         time.Time
	timer        *time.Timer
}

// advance takes over what is stored now. Positions only grow.
func (n *commitState) advance(end capture.Position, state []byte, last capture.Commit) {
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

// commitLocked sends a progress record when there is something to record, now or when its time has come. Under the lock.
func (w *Writer) commitLocked(timer bool) {
	n := &w.commits
	if timer {
		n.timer = nil
	}
	names := len(n.topics) > n.storedTopics
	if w.err != nil || n.inFlight || !n.dirty && !names {
		return
	}
	now := time.Now()
	if wait := commitInterval - now.Sub(n.last); wait > 0 && !names {
		if n.timer == nil {
			n.timer = time.AfterFunc(wait, func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.commitLocked(true)
			})
		}
		return
	}
	n.inFlight, n.dirty, n.last = true, false, now
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
	w.sendProgressLocked(p, now)
}

// sendProgressLocked has a progress record written. Under the lock; n.busy is set.
func (w *Writer) sendProgressLocked(p *progress, now time.Time) {
	b := &batch{part: w.commits.part, progress: p}
	b.records.Add(w.commits.key, p.encode(), nil)
	w.enqueueLocked(b, now)
}

// rewriteProgressLocked writes the stored record again, as it is: whatever the Writer was opened with does not count before it has made
// something durable. Under the lock.
func (w *Writer) rewriteProgressLocked() {
	n := &w.commits
	if w.err != nil || n.inFlight || n.dirty || n.stored == nil {
		return // or a newer one is on its way
	}
	n.inFlight = true
	w.sendProgressLocked(n.stored, time.Now())
}

// Record implements sink.Recorder.
func (w *Writer) Record(ctx context.Context, p sink.Progress) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := &w.commits
	n.position, n.commit, n.origin, n.verdict = p.Position, p.Commit, p.Origin, p.Verdict
	n.durablePos, n.dirty = p.Position, true
	if p.State != nil {
		n.state = p.State
	}
	w.commitLocked(false)
	return w.waitLocked(ctx, func() bool { return !n.dirty && !n.inFlight })
}

// commitStoredLocked: a progress record is stored. Only now is its position held (I1).
func (w *Writer) commitStoredLocked(p *progress) {
	n := &w.commits
	n.inFlight, n.stored, n.storedTopics = false, p, len(p.Topics)
	if p.Position != nil && n.durablePos.Before(*p.Position) {
		n.durablePos = *p.Position
		if !w.closed {
			w.lane.Held(n.durablePos)
		}
	}
	w.changed.Broadcast()
	w.commitLocked(false)
}
