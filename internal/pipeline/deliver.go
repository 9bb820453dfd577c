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

// grace is how long a Write may continue after its stream has broken. When it returns in time its writer stays open, and nothing
// is sent twice.
const grace = time.Second

// run delivers from the window until ctx ends (nil) or the stream has to end (an error). It recovers from an error of the sink
// alone, while the window waits for the sink.
func (r *sinkRunner) run(ctx context.Context, s capture.Stream, w *window) error {
	r.states, _ = s.(capture.StateKeeper)
	for {
		err := r.deliver(ctx, w)
		if ctx.Err() != nil {
			return nil
		}
		if err := r.recover(ctx, s, w, err); err != nil {
			return err
		}
	}
}

// deliver writes what the window has until there is an error.
func (r *sinkRunner) deliver(ctx context.Context, w *window) error {
	for {
		run, n, err := w.read(ctx, r.index, maxWrite, r.failed)
		if err != nil {
			return err
		}
		if closed(r.failed) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.failure
		}
		if len(run) > 0 {
			if err := r.write(ctx, run); err != nil {
				return err
			}
		}
		w.accept(r.index, n)
	}
}

// recover opens the sink again after err, with as many attempts as it takes, and puts the cursor after what is durable. An error
// means that the stream has to end.
func (r *sinkRunner) recover(ctx context.Context, s capture.Stream, w *window, err error) error {
	for {
		if endsStream(err) {
			r.close()
			return err
		}
		r.drainRejected(ctx, err)
		r.close()
		r.markSuspect() // after the last OnDurable of the old writer
		if capture.Sleep(ctx, r.setProblem(err)) != nil {
			return nil
		}
		if err = r.reopen(ctx, s); err != nil {
			continue
		}
		if r.isJoining() != w.ofCopy {
			return capture.ErrRestart // it needs a copy, or has got one
		}
		if !r.seek(w) {
			r.log.Info("rewind", zap.Stringer("to", r.accepted()))
			return capture.ErrRestart
		}
		for _, b := range w.unaccepted(r.index) {
			r.addPending(b) // again, where it was durable and was lost
		}
		r.clearSuspect(w.caughtUp(r.index))
		r.onDurable(r, r.durable()) // Open may have found more than was known
		return nil
	}
}

// reopen opens the sink while a stream runs and applies the start rule: the slot may have been confirmed beyond the sink.
func (r *sinkRunner) reopen(ctx context.Context, s capture.Stream) error {
	if err := r.passStartRule(ctx, s); err != nil {
		return err
	}
	if r.fromSnapshot && r.progress.Record == sink.RecordFound && r.accepted().Before(s.Start()) {
		r.startFromSnapshot() // its record is still the one from before this stream
	}
	return nil
}

// drainRejected gives a writer that rejected an event the time to make everything before it durable. Otherwise all of it would
// be sent again with every attempt.
func (r *sinkRunner) drainRejected(ctx context.Context, err error) {
	var rej *sink.Rejected
	if !errors.As(err, &rej) {
		return
	}
	if rej.At != r.lastRejected { // the same event is rejected at every attempt
		r.lastRejected = rej.At
		r.mu.Lock()
		r.rejectedCount++
		r.mu.Unlock()
		r.metrics.reject(rej.Reason)
		if r.tap != nil {
			r.tap.Rejected(rej)
		}
	}
	r.drain(ctx, capture.HaltedRetryInterval/2)
}

// drain waits until everything that the sink has accepted is durable, or applied in a sink that acknowledges late, at most for limit.
func (r *sinkRunner) drain(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	for r.writer != nil && !closed(r.failed) && r.applied().Before(r.accepted()) {
		if capture.Sleep(ctx, 5*time.Millisecond) != nil {
			return
		}
	}
}

// streamError is an error of the stream that a sink's goroutine got.
type streamError struct{ error }

func (e *streamError) Unwrap() error { return e.error }

// endsStream reports whether err ends the stream and not only the writer.
func endsStream(err error) bool {
	var ofStream *streamError
	return errors.Is(err, sink.ErrFenced) || errors.Is(err, capture.ErrSlotInUse) || errors.As(err, &ofStream)
}

// withGrace returns a context that ends a little after ctx does, and a function that releases it and waits for its timer.
func (r *sinkRunner) withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	graceCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.timer.Add(1)
	stop := context.AfterFunc(ctx, func() {
		defer r.timer.Done()
		if capture.Sleep(graceCtx, grace) == nil {
			cancel()
		}
	})
	return graceCtx, func() {
		cancel()
		if stop() {
			r.timer.Done()
		}
		r.timer.Wait()
	}
}
