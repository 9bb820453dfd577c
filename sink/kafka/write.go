package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// Write implements sink.Writer. When it has returned, everything is encoded into memory of our own.
func (w *Writer) Write(ctx context.Context, batches []sink.Batch) error {
	if err := w.checkUsable(ctx); err != nil {
		return err
	}
	w.lookahead = batches
	err := w.accept(ctx, batches)
	w.lookahead = nil
	if err != nil && w.refused == nil {
		w.refused = err // part of it may have been accepted: nothing may follow
	}
	return err
}

func (w *Writer) accept(ctx context.Context, batches []sink.Batch) error {
	for i := range batches {
		b := &batches[i]
		for j := range b.Events {
			if err := w.event(ctx, &b.Events[j]); err != nil {
				return w.refuse(ctx, &b.Events[j], err)
			}
		}
		w.open.endSpan(span{end: b.End, state: b.State, last: b.Last, closed: true})
	}
	return w.handOver(ctx)
}

// checkUsable returns the error of a Writer that has failed, and starts to use partitions that were added.
func (w *Writer) checkUsable(ctx context.Context) error {
	if w.refused != nil {
		return w.refused
	}
	w.mu.Lock()
	err := w.err
	w.mu.Unlock()
	if err == nil && w.grown.Load() {
		err = w.adoptPartitions(ctx)
	}
	return err
}

// refuse ends what Write accepts. Everything before the event is still sent and becomes durable. A short wait for
// that saves the topic duplicates, because the lane will close the Writer soon.
func (w *Writer) refuse(ctx context.Context, e *transform.Event, err error) error {
	var r *sink.Rejected
	if !errors.As(err, &r) && capture.AsProblem(err) == nil {
		return err
	}
	w.refused = err
	at := e.Change.At()
	w.open.endSpan(span{end: at, closed: true})
	ctx, stop := context.WithTimeout(ctx, maxRejectWait)
	defer stop()
	if err := w.handOver(ctx); err != nil {
		return w.refused
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.waitLocked(ctx, func() bool { return len(w.acks.list) == 0 && !w.commits.inFlight && !w.commits.dirty })
	return w.refused
}

// maxRejectWait limits how long a Write that refuses an event waits for the events before it.
const maxRejectWait = 5 * time.Second
