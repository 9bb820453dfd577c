package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// maxWrite is about how many bytes of batches one Write gets.
const maxWrite = 1 << 20

// grace is how long a Write may go on when its stream has broken. One that returns in time keeps its writer, and
// nothing has to be sent twice.
const grace = time.Second

// run delivers from the window until ctx ends (nil) or the stream has to be given up (an error). Trouble of the sink
// alone is mended here, while the window waits for it.
func (d *delivery) run(ctx context.Context, s capture.Stream, w *window) error {
	for {
		err := d.deliver(ctx, w)
		if ctx.Err() != nil {
			return nil
		}
		if err := d.mend(ctx, s, w, err); err != nil {
			return err
		}
	}
}

// deliver writes what the window has until something is wrong.
func (d *delivery) deliver(ctx context.Context, w *window) error {
	for {
		run, n, err := w.read(ctx, d.index, maxWrite, d.failed)
		if err != nil {
			return err
		}
		if closed(d.failed) {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.failure
		}
		if len(run) > 0 {
			if err := d.write(ctx, run); err != nil {
				return err
			}
		}
		w.accept(d.index, n)
	}
}

// write turns a run of batches into events and hands them to the writer. What panics on the way is one change's fault,
// not the daemon's end.
func (d *delivery) write(ctx context.Context, run []capture.Batch) (err error) {
	defer func() {
		if r := recover(); r != nil {
			d.log.Error("panic", zap.Any("value", r), zap.ByteString("stack", debug.Stack()))
			err = &capture.Problem{
				State: "panic", Halted: true,
				Reason: fmt.Sprintf("a change between %s and %s: %v", d.position(), run[len(run)-1].End, r),
				Fix:    "this is a bug: please report the stack in the log",
			}
		}
	}()
	if err := d.compose(run); err != nil {
		return err
	}
	late, cancel := withGrace(ctx)
	defer cancel()
	if err := d.writer.Write(late, d.batches); err != nil {
		if ctx.Err() != nil {
			d.close() // nobody will mend it
		}
		return err
	}
	d.took(run)
	return nil
}

// compose fills d.batches: step 8 of the way of one row, for each change.
func (d *delivery) compose(run []capture.Batch) error {
	d.events, d.batches = d.events[:0], d.batches[:0]
	var err error
	for i := range run {
		b := &run[i]
		first := len(d.events)
		for j := range b.Changes {
			c := &b.Changes[j]
			if d.events, err = d.chain.Apply(d.events, transform.Event{Change: c}); err != nil {
				return &sink.Rejected{At: c.At(), Table: c.Table.String(), Reason: "transform", Err: err}
			}
		}
		d.batches = append(d.batches, sink.Batch{Events: d.events[first:], End: b.End, Commit: b.Commit, State: b.State})
	}
	// The events may have moved while they grew.
	from := 0
	for i := range d.batches {
		n := len(d.batches[i].Events)
		d.batches[i].Events = d.events[from : from+n : from+n]
		from += n
	}
	return nil
}

// took notes that a run was accepted.
func (d *delivery) took(run []capture.Batch) {
	for i := range run {
		if run[i].State != nil {
			d.progress.State = run[i].State
		}
	}
	d.metrics.events.Add(float64(len(d.events)))
	clear(d.events) // lets the batches' memory go
	if d.halts() {
		d.fine()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accepted = run[len(run)-1].End
	d.count += int64(len(d.events))
}

// mend opens the sink again after err, as often as it takes, and puts the cursor behind what it holds. An error means
// that the stream has to be given up.
func (d *delivery) mend(ctx context.Context, s capture.Stream, w *window, err error) error {
	for {
		if givesUp(err) {
			d.close()
			return err
		}
		d.settle(ctx, err)
		wait := d.trouble(err)
		d.close()
		if capture.Sleep(ctx, wait) != nil {
			return nil
		}
		if err = d.reopen(ctx, s); err != nil {
			continue
		}
		if !w.seek(d.index, d.position()) {
			d.log.Info("rewind", zap.Stringer("to", d.position()))
			return capture.ErrRestart
		}
		if !d.halts() {
			d.fine()
		}
		return nil
	}
}

// reopen opens the sink while a stream runs, and compares it with the slot, which may be beyond it.
func (d *delivery) reopen(ctx context.Context, s capture.Stream) error {
	slot, err := s.Slot(ctx)
	if err != nil {
		return &streamBroke{err}
	}
	if err := d.open(ctx, s); err != nil {
		return err
	}
	if err := judgeOrigin(d.name, d.progress, s.Origin(), slot); err != nil {
		return err
	}
	if d.progress.Memory != sink.Found {
		return nil
	}
	if d.anew && d.position().Before(s.Start()) {
		d.startAnew() // its record is still the one from before this stream
		return nil
	}
	return d.judge(ctx, s)
}

// settle gives a writer that rejected one event the time to make the rest durable, so that it is not sent again with
// every attempt.
func (d *delivery) settle(ctx context.Context, err error) {
	var r *sink.Rejected
	if !errors.As(err, &r) {
		return
	}
	if r.At != d.refused { // it is tried again and again
		d.refused = r.At
		d.mu.Lock()
		d.rejected++
		d.mu.Unlock()
		d.metrics.reject(r.Reason)
	}
	d.drain(ctx, capture.LookAgain/2)
}

// drain waits until the sink holds what it has accepted, at most for limit.
func (d *delivery) drain(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	for d.writer != nil && !closed(d.failed) && d.holding().Before(d.position()) {
		if capture.Sleep(ctx, 5*time.Millisecond) != nil {
			return
		}
	}
}

// streamBroke is an error of the stream that a sink's goroutine came upon.
type streamBroke struct{ error }

func (e *streamBroke) Unwrap() error { return e.error }

// givesUp says whether err ends the stream and not only the writer.
func givesUp(err error) bool {
	var broke *streamBroke
	return errors.Is(err, sink.ErrFenced) || errors.Is(err, capture.ErrNotOurs) || errors.As(err, &broke)
}

// withGrace gives a context that ends a little after ctx does.
func withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if capture.Sleep(late, grace) == nil {
			cancel()
		}
	})
	return late, func() { stop(); cancel() }
}
