package stdout

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/transform"
)

// chunk is how many bytes of lines are collected before they are printed. It is about the size of a batch; a pipe's buffer has
// only 64 KiB.
const chunk = 256 << 10

// maxKey is how many bytes of a rejected event's key are reported.
const maxKey = 100

var errClosed = errors.New("the writer is closed")

// writer prints a lane's events. See sink.Writer.
type writer struct {
	sink     *Sink
	lane     sink.Lane
	encoder  format.Encoder
	prepared *capture.Table // the shape that encoder is prepared for
	record   format.Buffer
	lines    []byte
	durable  capture.Position
	err      error // the final error
}

// Write implements sink.Writer. Events are printed before it returns, so they are durable as well.
func (w *writer) Write(ctx context.Context, batches []sink.Batch) error {
	if w.err != nil {
		return w.err
	}
	var end capture.Position
	for i := range batches {
		for j := range batches[i].Events {
			ev := &batches[i].Events[j]
			if err := w.add(ctx, ev); err != nil {
				return w.fail(ctx, ev, err)
			}
		}
		end = batches[i].End
	}
	if err := w.print(ctx); err != nil {
		w.err = err
		return err
	}
	w.setDurable(end)
	return nil
}

// encodeError distinguishes errors of the encoder from errors of the output.
type encodeError struct{ error }

func (w *writer) add(ctx context.Context, ev *transform.Event) error {
	if w.prepared != ev.Change.Table {
		if err := w.encoder.Prepare(ctx, ev.Change.Table); err != nil {
			return fmt.Errorf("prepare the format of %s: %w", ev.Change.Table, err)
		}
		w.prepared = ev.Change.Table
	}
	w.record.Reset()
	if err := w.encoder.Append(&w.record, ev); err != nil {
		return encodeError{err}
	}
	w.lines = append(append(w.lines, w.record.Records[0].Value...), '\n')
	if len(w.lines) < chunk {
		return nil
	}
	return w.print(ctx)
}

// fail ends the writer with the output's error, or with the rejection of an event after printing everything that precedes it.
func (w *writer) fail(ctx context.Context, ev *transform.Event, err error) error {
	w.err = err
	var refused encodeError
	if !errors.As(err, &refused) {
		return w.err
	}
	c := ev.Change
	key := string(ev.Key[:min(len(ev.Key), maxKey)])
	w.err = &sink.Rejected{At: c.At(), Table: c.Table.String(), Key: key, Reason: format.Reason(refused.error), Err: refused.error}
	if err := w.print(ctx); err != nil {
		w.err = err
		return err
	}
	w.setDurable(c.At())
	return w.err
}

// print passes the lines to the output. It releases buffers that a large row has enlarged.
func (w *writer) print(ctx context.Context) error {
	err := w.sink.print(ctx, w, w.lines)
	w.lines = w.lines[:0]
	if cap(w.lines) > 4*chunk {
		w.lines, w.record = nil, format.Buffer{}
	}
	return err
}

func (w *writer) setDurable(p capture.Position) {
	if w.durable.Before(p) {
		w.durable = p
		w.lane.OnDurable(p)
	}
}

// Close implements sink.Writer.
func (w *writer) Close() error {
	if w.err == nil {
		w.err = errClosed
	}
	return nil
}
