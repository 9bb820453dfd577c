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

// write turns a run of batches into events and hands them to the writer. When a change cannot be turned into events,
// everything before it is written, and the error is the change's.
func (d *delivery) write(ctx context.Context, run []capture.Batch) error {
	bad := d.compose(run)
	if len(d.batches) > 0 {
		if err := d.hand(ctx); err != nil {
			return err
		}
	}
	return bad
}

// hand gives the writer what was composed: step 9 of the way of one row.
func (d *delivery) hand(ctx context.Context) (err error) {
	defer d.recovered(&err)
	graceCtx, cancel := d.withGrace(ctx)
	defer cancel()
	if err := d.writer.Write(graceCtx, d.batches); err != nil {
		if ctx.Err() != nil {
			d.close() // nobody will mend it
		}
		return err
	}
	d.took()
	return nil
}

// recovered makes an error of a panic: it is one change's fault, not the daemon's end.
func (d *delivery) recovered(err *error) {
	if r := recover(); r != nil {
		*err = panicked(d.log, r, fmt.Sprintf("a change after %s", d.position()))
	}
}

// guarded calls f and makes an error of its panic: one pipeline's bug does not end the others.
func guarded(log *zap.Logger, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicked(log, r, "the line")
		}
	}()
	return f()
}

func panicked(log *zap.Logger, r any, where string) error {
	log.Error("panic", zap.Any("value", r), zap.ByteString("stack", debug.Stack()))
	return capture.Panicked(where, r)
}

// compose fills d.batches: step 8 of the way of one row, for each change. With an error d.batches has everything before
// the change that it concerns.
func (d *delivery) compose(run []capture.Batch) (err error) {
	d.events, d.batches = d.events[:0], d.batches[:0]
	last := d.position()
	for i := 0; i < len(run) && err == nil; i++ {
		b := &run[i]
		first := len(d.events)
		starts, n, bad := d.apply(b.Changes)
		if err = bad; err != nil {
			d.before(b, first, starts, n, last)
			break
		}
		d.batches = append(d.batches, sink.Batch{
			Events: d.events[first:], End: b.End, Commit: b.Commit, State: b.State, Last: b.Last, Copied: b.Copied, Tables: b.Tables,
		})
		last = b.End
	}
	// The events may have moved while they grew.
	from := 0
	for i := range d.batches {
		n := len(d.batches[i].Events)
		d.batches[i].Events = d.events[from : from+n : from+n]
		from += n
	}
	return err
}

// before adds to d.batches what stands before change n of b, beyond last: first the whole transactions, then the part of the
// one that change n belongs to, because a batch is no mixture. Their events begin at first, and that one's at starts.
func (d *delivery) before(b *capture.Batch, first, starts, n int, last capture.Position) {
	add := func(events []transform.Event, end capture.Position, commit capture.Commit) {
		if last.Before(end) {
			d.batches = append(d.batches, sink.Batch{Events: events, End: end, Commit: end.Seq == 0, State: b.State, Last: commit, Tables: b.Tables})
			last = end
		}
	}
	at := b.Changes[n].At()
	if b.Changes[0].Tx != b.Changes[n].Tx {
		whole := n
		for b.Changes[whole].Tx == b.Changes[n].Tx {
			whole--
		}
		add(d.events[first:starts], capture.Position{LSN: at.LSN}, b.Changes[whole].Tx.Commit(at.LSN))
		first = starts
	}
	add(d.events[first:], at, capture.Commit{})
}

// apply appends what becomes of changes to d.events. With an error n is the index of the change that it concerns, and
// starts where the events of that change's transaction begin.
func (d *delivery) apply(changes []capture.Change) (starts, n int, err error) {
	defer d.recovered(&err)
	starts = len(d.events)
	for ; n < len(changes); n++ {
		c := &changes[n]
		if n > 0 && c.Tx != changes[n-1].Tx {
			starts = len(d.events)
		}
		if d.events, err = d.chain.Apply(d.events, transform.Event{Change: c}); err != nil {
			return starts, n, &sink.Rejected{At: c.At(), Table: c.Table.String(), Reason: "transform", Err: err}
		}
	}
	return starts, n, nil
}

// took notes that d.batches were accepted.
func (d *delivery) took() {
	d.fresh = false
	for i := range d.batches {
		if s := d.batches[i].State; s != nil {
			d.progress.State = s
		}
		if len(d.batches[i].Events) > 0 {
			d.sent = d.batches[i].End
		}
	}
	d.metrics.events.Add(float64(len(d.events)))
	clear(d.events) // lets the batches' memory go
	d.mu.Lock()
	d.accepted = d.batches[len(d.batches)-1].End
	d.count += int64(len(d.events))
	doubted := d.doubted
	d.mu.Unlock()
	if doubted && d.progress.Late {
		d.mended(true)
	}
}
