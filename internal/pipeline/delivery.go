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

// delivery is one sink in the line. It outlives the streams: its writer stays open over a reconnection, and what that
// has accepted is then skipped. One goroutine at a time works on it; the fields below mu are also read by others.
type delivery struct {
	index   int
	name    string
	kind    string
	beside  bool // another sink of the pipeline keeps a record
	begin   startrule.Begin
	sink    sink.Sink
	chain   *transform.Chain
	log     *zap.Logger
	fixArgs capture.FixArgs
	metrics sinkMetrics
	report  func(error)                       // the first halting trouble, for a strict daemon
	held    func(*delivery, capture.Position) // tells the line what is held

	verdicts *verdicts        // of the stream that was attached last
	writer   sink.Writer      // nil: closed
	failed   chan struct{}    // closed when the open writer can do no more
	progress sink.Progress    // what the last Open returned; its State follows what is written
	opened   capture.Origin   // with which the writer was opened: what it writes is recorded with it
	fresh    bool             // the writer has got nothing yet
	running  bool             // the stream has passed the start rule
	anew     bool             // the stream began with all rows: what the sink held before does not matter
	memory   *remembered      // nil: there is no verdict, or the sink's record has it
	refusal  *capture.Problem // why the stream that is attached must not run; nil: nothing
	backoff  capture.Backoff
	refused  capture.Position  // of the last event that was rejected
	stuck    capture.Position  // what it held at the last trouble
	events   []transform.Event // scratch of compose
	batches  []sink.Batch      // scratch of compose
	timer    sync.WaitGroup    // of a Write that goes on after its stream

	sent capture.Position // where the last batch with events ends that a writer has accepted

	mu       sync.Mutex
	failure  error            // why failed was closed
	accepted capture.Position // everything up to it was accepted by the open writer
	holds    capture.Position // everything up to it is durable in the sink
	recorded bool             // it has held something since we run
	moved    bool             // it has held something since it was opened
	pending  pending
	state    StateHolder
	doubted  bool             // a writer has failed since the sink last held more
	live     bool             // the writer is open and has not failed
	joining  bool             // it gets a copy of all rows before it takes part
	point    capture.Position // of the last copy: up to it the source may be confirmed while it is joining
	count    int64            // events accepted
	rejected int64
}

// open takes the sink over: one attempt. What an earlier writer had on its way counts no more. A sink whose record is
// another's is left alone.
func (d *delivery) open(ctx context.Context, s capture.Stream) error {
	d.close()
	if err := d.foreign(ctx, s); err != nil {
		return err
	}
	failed := make(chan struct{})
	w, progress, err := d.sink.Open(ctx, sink.Lane{
		Name:   s.Lane(),
		Origin: s.Origin(),
		Held:   func(p capture.Position) { d.held(d, p) },
		Failed: func(err error) { d.fail(failed, err) },
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writer, d.failed, d.progress, d.opened, d.fresh, d.moved, d.live = w, failed, progress, s.Origin(), true, false, true
	if progress.Position.Before(d.holds) && progress.Memory != sink.Forgetful {
		d.pending.lose(d.holds)
	}
	d.accepted, d.holds, d.failure = progress.Position, progress.Position, nil
	d.pending.hold(d.holds, func(time.Time) {})
	d.pending.last = capture.Commit{}
	return nil
}

// foreign refuses a sink whose record is another's, before that one is fenced.
func (d *delivery) foreign(ctx context.Context, s capture.Stream) error {
	r, keeps := d.sink.(sink.Reader)
	if !keeps {
		return nil
	}
	was, err := r.Read(ctx, s.Lane(), s.Origin())
	if err != nil || was.Memory != sink.Found {
		return err
	}
	if p := startrule.Foreign(d.name, was.Origin, s.Origin()); p != nil {
		return p
	}
	return nil
}

func (d *delivery) fail(failed chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !closed(failed) {
		d.failure, d.live = err, false
		close(failed)
	}
}

// close gives the writer up, if there is one. After it no Held is called.
func (d *delivery) close() {
	if d.writer == nil {
		return
	}
	d.mu.Lock()
	d.live = false
	d.mu.Unlock()
	if err := d.writer.Close(); err != nil {
		d.log.Debug("close writer", zap.Error(err))
	}
	d.writer = nil
}

// remember brings what Open returned up to what was written since, for the start rule of the next stream. As long as the
// writer has made nothing durable, the record is the one that Open found, whatever origin the writer was opened with.
func (d *delivery) remember() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.progress.Memory == sink.Forgetful || !d.moved || d.holds.IsZero() {
		return
	}
	p := sink.Progress{
		Memory: sink.Found, Position: d.holds, Origin: d.opened, Commit: d.progress.Commit, State: d.progress.State, Late: d.progress.Late,
	}
	if !d.pending.last.IsZero() {
		p.Commit = d.pending.last
	}
	d.progress = p
}

// onItsWay is the progress as it is to become, when the open writer has accepted more than it was when the sink was judged; nil:
// it has not.
func (d *delivery) onItsWay() *sink.Progress {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.progress.Memory != sink.Found || !d.progress.Position.Before(d.accepted) {
		return nil
	}
	p := d.progress
	p.Position = d.accepted
	if c := d.pending.lastTo(d.accepted); !c.IsZero() {
		p.Commit = c
	}
	return &p
}

// forgetPending forgets what is on its way, since it is of another history.
func (d *delivery) forgetPending() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending = pending{}
}

// startAnew puts the sink before everything: the stream begins with all rows, what the sink holds does not matter.
func (d *delivery) startAnew() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accepted, d.holds, d.pending = capture.Position{}, capture.Position{}, pending{}
}

// rewind puts the sink to what it holds of this stream's history.
func (d *delivery) rewind(to capture.Position) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if to.Before(d.holds) {
		d.pending.lose(d.holds)
	}
	d.accepted, d.holds = to, to
}

// everHeld reports whether the sink has held something since we run.
func (d *delivery) everHeld() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.recorded
}

// position is where the sink's cursor belongs: behind what its open writer has accepted, or what its sink had recorded;
// zero when that is nothing.
func (d *delivery) position() capture.Position {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.accepted
}

func (d *delivery) holding() capture.Position {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.holds
}

// hold notes that the sink holds p.
func (d *delivery) hold(p capture.Position) {
	d.mu.Lock()
	mended := d.doubted && d.holds.Before(p)
	if mended {
		d.doubted = false
	}
	d.holds, d.recorded, d.moved = p, d.recorded || !p.IsZero(), true
	now := time.Now()
	d.pending.hold(p, func(commit time.Time) { d.metrics.delivery.Observe(now.Sub(commit).Seconds()) })
	d.mu.Unlock()
	if mended {
		d.fine()
	}
}

// expect notes a batch that is on its way to the sink.
func (d *delivery) expect(b capture.Batch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if (len(b.Changes) > 0 || !b.Last.IsZero()) && b.End.Compare(d.holds) > 0 {
		d.pending.add(&b)
	}
}

// fine says that the sink is at work.
func (d *delivery) fine() {
	s := State{Name: "streaming", Kind: OK}
	d.mu.Lock()
	if d.joining {
		s.Name, s.Reason = "copying", "the sink has no progress record and gets a copy of all rows as of "+d.point.String()
	}
	d.mu.Unlock()
	d.enter(s)
}

// doubt says that a writer has failed. That its sink can be opened again does not prove that it takes anything: the state
// stays what it is until the sink holds more than before, or has accepted something where Held comes late by design, so that
// it does not flicker with every attempt.
func (d *delivery) doubt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doubted = true
}

// mended says that the sink is open. proven: nothing waits for it, so there is nothing that it could refuse.
func (d *delivery) mended(proven bool) {
	d.mu.Lock()
	d.doubted = d.doubted && !proven
	doubted := d.doubted
	d.mu.Unlock()
	if !doubted {
		d.fine()
	}
}

// trouble shows err as the sink's named state and returns how long to wait before the next attempt: longer each time,
// until the sink holds more than the last time. The writer is closed.
func (d *delivery) trouble(err error) time.Duration {
	state := stateOf(err, "retrying")
	d.enter(state)
	d.metrics.retries.Inc()
	if h := d.holding(); d.stuck.Before(h) {
		d.stuck = h
		d.backoff.Reset()
	}
	if state.Kind == Halted {
		d.report(err)
		return capture.LookAgain
	}
	return d.backoff.Next(err)
}

// enter moves to a state; a log line is written when its name changes.
func (d *delivery) enter(to State) {
	to.Fix = d.fixArgs.Complete(to.Fix)
	d.mu.Lock()
	change := d.state.Enter(to)
	d.mu.Unlock()
	if change == NewName {
		logState(d.log, to)
	}
}
