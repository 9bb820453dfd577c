package pipeline

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
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

// mend opens the sink again after err, as often as it takes, and puts the cursor behind what it holds. An error means
// that the stream has to be given up.
func (d *delivery) mend(ctx context.Context, s capture.Stream, w *window, err error) error {
	for {
		if givesUp(err) {
			d.close()
			return err
		}
		d.settle(ctx, err)
		d.close()
		d.doubt() // after the last Held of the old writer
		if capture.Sleep(ctx, d.trouble(err)) != nil {
			return nil
		}
		if err = d.reopen(ctx, s); err != nil {
			continue
		}
		if d.isJoining() != w.copies {
			return capture.ErrRestart // it needs a copy, or has got one
		}
		if !w.seek(d.index, d.position()) {
			d.log.Info("rewind", zap.Stringer("to", d.position()))
			return capture.ErrRestart
		}
		for _, b := range w.left(d.index) {
			d.expect(b) // again, where it was held and was lost
		}
		d.mended(w.done(d.index))
		d.held(d, d.holding()) // Open may have found more than was known
		return nil
	}
}

// reopen opens the sink while a stream runs, and lets it pass the start rule: the slot may be beyond it.
func (d *delivery) reopen(ctx context.Context, s capture.Stream) error {
	if err := d.pass(ctx, s); err != nil {
		return err
	}
	if d.anew && d.progress.Memory == sink.Found && d.position().Before(s.Start()) {
		d.startAnew() // its record is still the one from before this stream
	}
	return nil
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

// withGrace returns a context that ends a little after ctx does, and a function that releases it and waits for its timer.
func (d *delivery) withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	graceCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.timer.Add(1)
	stop := context.AfterFunc(ctx, func() {
		defer d.timer.Done()
		if capture.Sleep(graceCtx, grace) == nil {
			cancel()
		}
	})
	return graceCtx, func() {
		cancel()
		if stop() {
			d.timer.Done()
		}
		d.timer.Wait()
	}
}
