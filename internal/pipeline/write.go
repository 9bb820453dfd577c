package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// write transforms batches into events and passes them to the writer. When a change cannot be transformed, everything before it
// is written, and the error is that of the change.
func (r *sinkRunner) write(ctx context.Context, run []capture.Batch) error {
	bad := r.transformBatches(run)
	if len(r.batches) > 0 {
		if err := r.writeBatches(ctx); err != nil {
			return err
		}
	}
	return bad
}

// writeBatches passes r.batches to the writer.
func (r *sinkRunner) writeBatches(ctx context.Context) (err error) {
	defer r.recoverPanic(&err)
	graceCtx, cancel := r.withGrace(ctx)
	defer cancel()
	r.diverted = r.diverted[:0]
	if err := r.writer.Write(graceCtx, r.batches); err != nil {
		r.tapBefore(err)
		if ctx.Err() != nil {
			r.close() // the runner ends without recovering
		}
		return err
	}
	r.recordAccepted()
	return nil
}

// recoverPanic turns a panic into an error: a change that panics must not end the daemon.
func (r *sinkRunner) recoverPanic(err *error) {
	if v := recover(); v != nil {
		*err = panicError(r.log, v, fmt.Sprintf("a change after %s", r.accepted()))
	}
}

// recoverPanics calls f and turns a panic into an error: a bug in one pipeline must not end the others.
func recoverPanics(log *zap.Logger, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicError(log, v, "the pipeline")
		}
	}()
	return f()
}

func panicError(log *zap.Logger, v any, where string) error {
	log.Error("panic", zap.Any("value", v), zap.ByteString("stack", debug.Stack()))
	return capture.Panicked(where, v)
}

// transformBatches fills r.batches. With an error r.batches has everything before
// the change that caused it.
func (r *sinkRunner) transformBatches(run []capture.Batch) (err error) {
	r.events, r.batches = r.events[:0], r.batches[:0]
	if r.chain.Remembers() {
		err = r.transformTransactions(run)
	} else {
		err = r.transformEach(run)
	}
	// The events may have moved while they grew.
	from := 0
	for i := range r.batches {
		n := len(r.batches[i].Events)
		r.batches[i].Events = r.events[from : from+n : from+n]
		from += n
	}
	return err
}

// transformEach transforms batch by batch.
func (r *sinkRunner) transformEach(run []capture.Batch) error {
	last := r.accepted()
	for i := range run {
		b := &run[i]
		first := len(r.events)
		starts, n, err := r.transformChanges(b.Changes)
		if err != nil {
			r.addBefore(b, first, starts, n, last)
			return err
		}
		r.batches = append(r.batches, sink.Batch{
			Events: r.events[first:], End: b.End, Commit: b.Commit, State: r.currentState(b.State), Last: b.Last, EndsSnapshot: b.EndsSnapshot, Tables: b.Tables,
		})
		last = b.End
	}
	return nil
}

// currentState returns what is recorded with a batch that has the given State.
func (r *sinkRunner) currentState(state []byte) []byte {
	if r.states == nil {
		return state
	}
	return r.states.CurrentState(state)
}

// addBefore adds to r.batches what comes after last and before change n of b: first the complete transactions, then the part of
// the transaction that change n belongs to, since a batch has either. The events of b begin at first, those of that transaction
// at starts.
func (r *sinkRunner) addBefore(b *capture.Batch, first, starts, n int, last capture.Position) {
	add := func(events []transform.Event, end capture.Position, commit capture.Commit) {
		if last.Before(end) {
			r.batches = append(r.batches, sink.Batch{Events: events, End: end, Commit: end.Seq == 0, State: r.currentState(b.State), Last: commit, Tables: b.Tables})
			last = end
		}
	}
	at := b.Changes[n].At()
	if !b.Changes[0].Tx.Same(b.Changes[n].Tx) {
		complete := n
		for b.Changes[complete].Tx.Same(b.Changes[n].Tx) {
			complete--
		}
		add(r.events[first:starts], capture.Position{LSN: at.LSN}, b.Changes[complete].Tx.Commit(at.LSN))
		first = starts
	}
	add(r.events[first:], at, capture.Commit{})
}

// transformChanges appends the events of changes to r.events. With an error n is the index of the change that caused it, and
// starts is where the events of that change's transaction begin.
func (r *sinkRunner) transformChanges(changes []capture.Change) (starts, n int, err error) {
	defer r.recoverPanic(&err)
	starts = len(r.events)
	for ; n < len(changes); n++ {
		c := &changes[n]
		if n > 0 && !c.Tx.Same(changes[n-1].Tx) {
			starts = len(r.events)
		}
		if c.Op == capture.Message && !r.messages {
			continue
		}
		if r.events, err = r.chain.Apply(r.events, transform.Event{Change: c}); err != nil {
			return starts, n, rejected(c, err)
		}
	}
	return starts, n, nil
}

// recordAccepted records that the writer has accepted r.batches.
func (r *sinkRunner) recordAccepted() {
	r.newWriter = false
	for i := range r.batches {
		if s := r.batches[i].State; s != nil {
			r.progress.State = s
		}
		if len(r.batches[i].Events) > 0 {
			r.lastEventEnd = r.batches[i].End
		}
	}
	r.metrics.events.Add(float64(len(r.events)))
	r.tapAccepted(r.events)
	clear(r.events) // lets the batches' memory go
	r.mu.Lock()
	r.acceptedPos = r.batches[len(r.batches)-1].End
	r.eventCount += int64(len(r.events))
	suspect := r.suspect
	r.mu.Unlock()
	if suspect && r.progress.AcksLate {
		r.clearSuspect(true)
	}
}
