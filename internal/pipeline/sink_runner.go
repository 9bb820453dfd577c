package pipeline

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// sinkRunner writes a lane's batches to one sink. It outlives the streams: its writer stays open over a reconnection, and what
// the writer has accepted is then skipped. One goroutine at a time works on it; other goroutines read the fields below mu too.
type sinkRunner struct {
	index            int
	name             string
	kind             string
	othersKeepRecord bool // another sink of the pipeline keeps a record
	begin            startrule.Begin
	sink             sink.Sink
	masks            []transform.RowMask // of its copies of rows
	chain            *transform.Chain
	messages         bool     // the chain takes logical messages
	cleanup          *Cleanup // nil: no rows are deleted from the source
	tap              Tap      // nil: nothing watches the events
	log              *zap.Logger
	fixArgs          capture.FixArgs
	metrics          sinkMetrics
	report           func(error)                         // takes the first problem that halts, for a strict daemon
	onDurable        func(*sinkRunner, capture.Position) // tells the lane how far the sink is durable

	verdicts         *verdicts           // of the stream that was attached last
	writer           sink.Writer         // nil: closed
	failed           chan struct{}       // closed when the open writer has failed
	progress         sink.Progress       // what the last Open returned; its State follows what is written
	origin           capture.Origin      // the writer was opened with it, and records it with what it writes
	states           capture.StateKeeper // the stream; nil: its batches have the states to record
	newWriter        bool                // nothing was written to the writer yet
	passed           bool                // the stream has passed the start rule
	fromSnapshot     bool                // the stream began with all rows: earlier progress does not count
	unwritten        *unwrittenVerdict   // nil: there is no verdict, or the sink's record has it
	refusal          *capture.Problem    // why the stream that is attached must not run; nil: nothing
	backoff          capture.Backoff
	lastRejected     capture.Position  // of the last event that was rejected
	durableAtProblem capture.Position  // durablePos at the last problem
	events           []transform.Event // scratch of transformBatches
	batches          []sink.Batch      // scratch of transformBatches
	diverted         []sink.Diverted   // of the events of this Write; empty without a tap
	memory           memory            // of a chain that remembers transactions
	timer            sync.WaitGroup    // of a Write that continues after its stream has ended

	lastEventEnd capture.Position // the end of the last accepted batch that had events

	mu               sync.Mutex       // guards what follows
	failure          error            // why failed was closed
	acceptedPos      capture.Position // everything up to it was accepted by the open writer
	durablePos       capture.Position // everything up to it is durable in the sink
	seenDurable      bool             // the sink has reported a durable position since the process started
	durableSinceOpen bool             // the open writer has reported a durable position
	pending          pending
	acksLate         bool             // as the last Open returned it
	appliedPos       capture.Position // of a sink that acknowledges late: readers of the target see everything up to it
	unapplied        pending          // of such a sink: what they do not see yet
	state            StateHolder
	suspect          bool             // a writer has failed, and durablePos has not advanced since
	live             bool             // the writer is open and has not failed
	joining          bool             // the sink gets a copy of all rows before it takes part
	copyPoint        capture.Position // of the last copy: up to it the source may be confirmed while it is joining
	eventCount       int64            // events accepted
	rejectedCount    int64
}

// open opens the sink; it makes one attempt. What an earlier writer had in flight no longer counts. A sink whose record belongs
// to another pipeline is not opened.
func (r *sinkRunner) open(ctx context.Context, s capture.Stream) error {
	r.close()
	r.cleanup.reset()
	if err := r.checkForeign(ctx, s); err != nil {
		return err
	}
	failed := make(chan struct{})
	w, progress, err := r.sink.Open(ctx, sink.Lane{
		Name:      s.Lane(),
		Origin:    s.Origin(),
		Start:     s.Start(),
		OnDurable: func(p capture.Position) { r.onDurable(r, p) },
		OnApplied: r.setApplied,
		Failed:    func(err error) { r.onFailed(failed, err) },
		Diverted:  r.addDiverted,
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writer, r.failed, r.progress, r.origin, r.newWriter, r.durableSinceOpen, r.live = w, failed, progress, s.Origin(), true, false, true
	if progress.Position.Before(r.durablePos) && progress.Record != sink.RecordUnsupported {
		r.pending.markLost(r.durablePos)
	}
	r.acceptedPos, r.durablePos, r.failure = progress.Position, progress.Position, nil
	r.pending.setDurable(r.durablePos, func(time.Time) {})
	r.pending.last = capture.Commit{}
	if r.acksLate = progress.AcksLate; r.acksLate {
		r.resetAppliedLocked(progress.Position)
	}
	return nil
}

// checkForeign refuses a sink whose record belongs to another pipeline, before Open fences that pipeline's writer.
func (r *sinkRunner) checkForeign(ctx context.Context, s capture.Stream) error {
	reader, keeps := r.sink.(sink.Reader)
	if !keeps {
		return nil
	}
	was, err := reader.Read(ctx, s.Lane(), s.Origin())
	if err != nil || was.Record != sink.RecordFound {
		return err
	}
	if p := startrule.Foreign(r.name, was.Origin, s.Origin()); p != nil {
		return p
	}
	return nil
}

func (r *sinkRunner) onFailed(failed chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !closed(failed) {
		r.failure, r.live = err, false
		close(failed)
	}
}

// close closes the writer, if one is open. OnDurable is not called after close has returned.
func (r *sinkRunner) close() {
	if r.writer == nil {
		return
	}
	r.mu.Lock()
	r.live = false
	r.mu.Unlock()
	if err := r.writer.Close(); err != nil {
		r.log.Debug("close writer", zap.Error(err))
	}
	r.writer = nil
}

// updateProgress adds what was written since Open to what Open returned, for the start rule of the next stream. As long as the
// writer has made nothing durable, the record is the one that Open found, whatever origin the writer was opened with.
func (r *sinkRunner) updateProgress() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.progress.Record == sink.RecordUnsupported || !r.durableSinceOpen || r.durablePos.IsZero() {
		return
	}
	p := sink.Progress{
		Record: sink.RecordFound, Position: r.durablePos, Origin: r.origin, Commit: r.progress.Commit, State: r.progress.State, AcksLate: r.progress.AcksLate,
	}
	if !r.pending.last.IsZero() {
		p.Commit = r.pending.last
	}
	r.progress = p
}

// acceptedProgress returns the progress that the sink will have when everything accepted is durable; nil when the open writer
// has accepted nothing beyond the progress that the start rule has checked.
func (r *sinkRunner) acceptedProgress() *sink.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.progress.Record != sink.RecordFound || !r.progress.Position.Before(r.acceptedPos) {
		return nil
	}
	p := r.progress
	p.Position = r.acceptedPos
	if c := r.pending.lastTo(r.acceptedPos); !c.IsZero() {
		p.Commit = c
	}
	return &p
}

// clearPending drops what is pending because it belongs to another history of the source.
func (r *sinkRunner) clearPending() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending, r.unapplied = pending{}, pending{}
}

// startFromSnapshot puts the sink before the first row: the stream begins with all rows, so earlier progress does not count.
func (r *sinkRunner) startFromSnapshot() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acceptedPos, r.durablePos, r.pending = capture.Position{}, capture.Position{}, pending{}
	r.appliedPos, r.unapplied = capture.Position{}, pending{}
}

// rewind sets the sink to the position up to which it has this stream's history.
func (r *sinkRunner) rewind(to capture.Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if to.Before(r.durablePos) {
		r.pending.markLost(r.durablePos)
	}
	r.acceptedPos, r.durablePos = to, to
	if r.acksLate {
		r.resetAppliedLocked(to)
	}
}

// hasSeenDurable reports whether the sink has reported a durable position since the process started.
func (r *sinkRunner) hasSeenDurable() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seenDurable
}

// accepted is where the sink's cursor belongs: after what its open writer has accepted, or what its record says; zero when there
// is neither.
func (r *sinkRunner) accepted() capture.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.acceptedPos
}

// durable is the position up to which everything is durable in the sink.
func (r *sinkRunner) durable() capture.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.durablePos
}

// setDurable records that everything up to p is durable in the sink.
func (r *sinkRunner) setDurable(p capture.Position) {
	r.mu.Lock()
	works := r.suspect && r.durablePos.Before(p)
	if works {
		r.suspect = false
	}
	r.durablePos, r.seenDurable, r.durableSinceOpen = p, r.seenDurable || !p.IsZero(), true
	now := time.Now()
	r.pending.setDurable(p, func(commit time.Time) {
		if !r.acksLate {
			r.metrics.delivery.Observe(now.Sub(commit).Seconds())
		}
	})
	r.mu.Unlock()
	r.cleanup.setDurable(p)
	if works {
		r.setWorking()
	}
}

// addPending records a batch that the sink will get.
func (r *sinkRunner) addPending(b capture.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if (len(b.Changes) > 0 || !b.Last.IsZero()) && b.End.Compare(r.durablePos) > 0 {
		r.pending.add(&b)
	}
	if r.acksLate && (len(b.Changes) > 0 || !b.Last.IsZero()) && b.End.Compare(r.appliedPos) > 0 {
		r.unapplied.add(&b)
	}
}

// setWorking enters the state of a sink that works.
func (r *sinkRunner) setWorking() {
	s := State{Name: "streaming", Kind: OK}
	r.mu.Lock()
	if r.joining {
		s.Name, s.Reason = "copying", "the sink has no progress record and gets a copy of all rows as of "+r.copyPoint.String()
	}
	r.mu.Unlock()
	r.enter(s)
}

// markSuspect records that a writer has failed. A successful Open does not prove that writes succeed: the state stays as it is
// until the durable position advances or, for a sink that acknowledges late by design, a Write is accepted. Otherwise the state
// would change with every attempt.
func (r *sinkRunner) markSuspect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.suspect = true
}

// clearSuspect records that the sink is open. With proven it works again: a Write was accepted, or there is nothing to write.
func (r *sinkRunner) clearSuspect(proven bool) {
	r.mu.Lock()
	r.suspect = r.suspect && !proven
	suspect := r.suspect
	r.mu.Unlock()
	if !suspect {
		r.setWorking()
	}
}

// setProblem shows err as the sink's named state and returns how long to wait before the next attempt: longer each time, until
// the durable position has advanced. The writer is closed.
func (r *sinkRunner) setProblem(err error) time.Duration {
	state := stateOf(err, "sink_error")
	r.enter(state)
	r.metrics.retries.Inc()
	if h := r.durable(); r.durableAtProblem.Before(h) {
		r.durableAtProblem = h
		r.backoff.Reset()
	}
	if state.Kind == Halted {
		r.report(err)
		return capture.HaltedRetryInterval
	}
	return r.backoff.Next(err)
}

// enter moves to a state and logs it when its name changes.
func (r *sinkRunner) enter(to State) {
	to.Fix = r.fixArgs.Complete(to.Fix)
	r.mu.Lock()
	change := r.state.Enter(to)
	r.mu.Unlock()
	if change == NewName {
		logState(r.log, to)
	}
}
