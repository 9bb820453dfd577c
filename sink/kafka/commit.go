package kafka

import (
	"bytes"
	"context"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka/progress"
)

// commitInterval is the minimum time between two progress records while the position advances. The first record after
// a pause is sent at once: an idle pipeline is confirmed without delay.
const commitInterval = 50 * time.Millisecond

// commitState is the state of the progress record: at most one is in flight, always with the newest position. Guarded
// by Writer.mu.
type commitState struct {
	part         *partition // of the progress topic
	key          []byte
	position     capture.Position // everything up to it is stored
	state        []byte
	commit       capture.Commit // the last one up to position
	origin       capture.Origin // of position
	verdict      *sink.Verdict  // is repeated in every record until Record removes it
	topics       []string       // that we write to, or are about to
	durablePos   capture.Position
	dirty        bool             // position or state is newer than the last record
	stored       *progress.Record // the stored record; nil: none that we know of
	storedTopics int              // number of topics in it
	inFlight     bool
	last         time.Time
	timer        *time.Timer
}

// advance records that everything up to end is stored. Positions only grow.
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

// advanceLocked removes complete spans, and has the progress recorded.
func (w *Writer) advanceLocked() {
	if end, state, last, ok := w.acks.advance(); ok {
		w.commits.advance(end, state, last)
		w.commitLocked(false)
		w.changed.Broadcast()
	}
}

// commitLocked sends a progress record when there is something to record: now, or from a timer when commitInterval
// has passed.
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
	p := progress.NewRecord(n.origin, n.verdict)
	p.Commit, p.State, p.Topics = n.commit, n.state, n.topics
	if !n.position.IsZero() {
		at := n.position
		p.Position = &at
	}
	w.sendProgressLocked(p, now)
}

// sendProgressLocked enqueues a progress record. The caller has set inFlight.
func (w *Writer) sendProgressLocked(p *progress.Record, now time.Time) {
	b := &batch{part: w.commits.part, progress: p}
	b.records.Add(w.commits.key, p.Encode(), nil)
	w.enqueueLocked(b, now)
}

// rewriteProgressLocked sends the stored record once more, unchanged. The position that the Writer was opened with
// does not count until the Writer has made something durable.
func (w *Writer) rewriteProgressLocked() {
	n := &w.commits
	if w.err != nil || n.inFlight || n.dirty || n.stored == nil {
		return // a newer record is in flight
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

// commitStoredLocked is called when a progress record is stored. Only then is its position durable (I1).
func (w *Writer) commitStoredLocked(p *progress.Record) {
	n := &w.commits
	n.inFlight, n.stored, n.storedTopics = false, p, len(p.Topics)
	if p.Position != nil && n.durablePos.Before(*p.Position) {
		n.durablePos = *p.Position
		if !w.closed {
			w.lane.OnDurable(n.durablePos)
		}
	}
	w.changed.Broadcast()
	w.commitLocked(false)
}
