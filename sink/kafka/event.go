package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/kafka/wire"
	"github.com/tailrace/tailrace/transform"
)

// encodedKept is up to which size, in bytes, the memory of one event is kept for the next.
const encodedKept = 1 << 20

// event stages the records of one event.
func (w *Writer) event(ctx context.Context, e *transform.Event) error {
	t, err := w.topicOf(ctx, e)
	if err != nil {
		return err
	}
	raw := rawSize(e)
	if raw/16 > t.limit { // JSON can be shorter than Postgres' text, never by so much
		return w.unfit(ctx, e, t, tooLarge(raw/16, t))
	}
	b := &w.encoded
	if b.Reset(); cap(b.Bytes) > encodedKept {
		b.Bytes = nil
	}
	if err := w.enc.Append(b, e); err != nil {
		return w.unfit(ctx, e, t, &sink.Rejected{Reason: format.Reason(err), Err: err})
	}
	for i := range b.Records {
		if n := size(&b.Records[i]) + wire.BatchHead; n > t.limit {
			return w.unfit(ctx, e, t, tooLarge(n, t))
		}
	}
	for i := range b.Records {
		w.stage(t, e.Change, &b.Records[i])
	}
	if w.staged.bytes >= stageTarget {
		return w.handOver(ctx)
	}
	return nil
}

// stage puts a record into its partition, a truncation into all: whoever reads one of them has to know.
func (w *Writer) stage(t *topic, c *capture.Change, r *format.Record) {
	switch {
	case c.Op == capture.Truncate:
		for _, p := range t.parts {
			w.staged.add(p, r)
		}
	case r.Key == nil: // no order but the table's
		w.staged.add(t.parts[place([]byte(c.Table.String()), len(t.parts))], r)
	default:
		w.staged.add(t.parts[place(r.Key, len(t.parts))], r)
	}
}

// rawSize is about how much text the event carries, in bytes.
func rawSize(e *transform.Event) int {
	n := len(e.Key) + len(e.Data)
	for _, h := range e.Headers {
		n += len(h.Name) + len(h.Value)
	}
	if e.Dressed {
		return n
	}
	for _, row := range [...][]capture.Value{e.Change.Before, e.Change.After} {
		for i := range row {
			n += len(row[i].Bytes) + 8
		}
	}
	return n
}

func tooLarge(n int, t *topic) *sink.Rejected {
	return &sink.Rejected{
		Reason: "too_large",
		Err:    fmt.Errorf("at least %d bytes, topic %s takes %d (max.message.bytes)", n, t.name, t.limit),
	}
}

// refuse ends what Write accepts. What came before the event goes on being sent and is held; a short wait for that
// spares the topic repetitions, because the lane will close us soon.
func (w *Writer) refuse(ctx context.Context, e *transform.Event, err error) error {
	var r *sink.Rejected
	if !errors.As(err, &r) && capture.AsProblem(err) == nil {
		return err
	}
	w.refused = err
	at := e.Change.At()
	w.staged.end(span{end: at, closed: true})
	ctx, stop := context.WithTimeout(ctx, settleBefore)
	defer stop()
	if err := w.handOver(ctx); err != nil {
		return w.refused
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.wait(ctx, func() bool { return len(w.spans.list) == 0 && !w.notes.busy && !w.notes.dirty })
	return w.refused
}

// settleBefore bounds how long a Write that refuses an event waits for those before it.
const settleBefore = 5 * time.Second
