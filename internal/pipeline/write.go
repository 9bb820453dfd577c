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
	late, cancel := withGrace(ctx)
	defer cancel()
	if err := d.writer.Write(late, d.batches); err != nil {
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
	return &capture.Problem{
		State: "panic", Halted: true,
		Reason: fmt.Sprintf("%s: %v", where, r),
		Fix:    "this is a bug: please report the stack in the log",
	}
}

// compose fills d.batches: step 8 of the way of one row, for each change. With an error d.batches has everything before
// the change that it concerns.
func (d *delivery) compose(run []capture.Batch) (err error) {
	d.events, d.batches = d.events[:0], d.batches[:0]
	last := d.position()
	for i := 0; i < len(run) && err == nil; i++ {
		b := &run[i]
		var n int
		first := len(d.events)
		n, err = d.apply(b.Changes)
		end, commit := b.End, b.Commit
		if err != nil {
			if k := begin(b.Changes, n); 0 < k && k < n { // whole transactions first: a batch is no mixture
				d.events = d.events[:first]
				if _, again := d.apply(b.Changes[:k]); again != nil {
					return again
				}
				last = b.Changes[k].At()
				d.batches = append(d.batches, sink.Batch{Events: d.events[first:], End: last, Commit: true, State: b.State})
				first = len(d.events)
				if _, again := d.apply(b.Changes[k:n]); again != nil {
					return again
				}
			}
			if end, commit = b.Changes[n].At(), b.Changes[n].Seq == 0; !last.Before(end) {
				break
			}
		}
		d.batches = append(d.batches, sink.Batch{Events: d.events[first:], End: end, Commit: commit, State: b.State})
		last = end
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

// begin is the index of the first change here of the transaction that change n belongs to.
func begin(changes []capture.Change, n int) int {
	for n > 0 && changes[n-1].Tx == changes[n].Tx {
		n--
	}
	return n
}

// apply appends what becomes of changes to d.events. With an error n is the index of the change that it concerns.
func (d *delivery) apply(changes []capture.Change) (n int, err error) {
	defer d.recovered(&err)
	for ; n < len(changes); n++ {
		c := &changes[n]
		if d.events, err = d.chain.Apply(d.events, transform.Event{Change: c}); err != nil {
			return n, &sink.Rejected{At: c.At(), Table: c.Table.String(), Reason: "transform", Err: err}
		}
	}
	return n, nil
}

// took notes that d.batches were accepted.
func (d *delivery) took() {
	for i := range d.batches {
		if s := d.batches[i].State; s != nil {
			d.progress.State = s
		}
	}
	d.metrics.events.Add(float64(len(d.events)))
	clear(d.events) // lets the batches' memory go
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accepted = d.batches[len(d.batches)-1].End
	d.count += int64(len(d.events))
}
