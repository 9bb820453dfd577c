package sinktest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// Report is the result of Drive.
type Report struct {
	Opens  int // of the sink
	Rows   int
	Errors []error // errors of Opens, and errors that ended Writers
}

// String returns the counts and the first error.
func (r Report) String() string {
	if len(r.Errors) == 0 {
		return fmt.Sprintf("%d rows, %d opens", r.Rows, r.Opens)
	}
	return fmt.Sprintf("%d rows, %d opens, %d errors; the first: %v", r.Rows, r.Opens, len(r.Errors), r.Errors[0])
}

// Drive writes one transaction after another to the target, as a lane does, while faults runs. After any error it closes the
// Writer, opens the sink and continues from the returned position. After faults has returned, it waits until everything is
// durable, and checks with Check that the target has all versions in order.
func Drive(t *testing.T, target Target, faults func() error) Report {
	t.Helper()
	d := &driver{t: t, place: &place{t: t, Target: target}, script: newScript()}
	d.sink = d.place.sink()
	d.batches = append(d.batches, d.script.idle(nil))
	done := make(chan error, 1)
	d.reopen()
	go func() { done <- faults() }()
	for going, more := true, 20; more > 0; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("faults: %v", err)
			}
			going = false
		default:
		}
		if !going {
			more--
		}
		d.batches = append(d.batches, d.script.transaction(len(d.batches), 10, 40, 100))
		d.report.Rows += 10
		d.catchUp()
		time.Sleep(time.Millisecond)
	}
	d.finish()
	d.place.has(d.script.versions)
	return d.report
}

// driver is a minimal lane.
type driver struct {
	t       *testing.T
	place   *place
	script  *script
	sink    sink.Sink
	handle  *handle
	batches []sink.Batch
	next    int // index of the first batch that is not written
	durable capture.Position
	report  Report
}

// catchUp writes the remaining batches. After an error it opens the sink again, even if everything was written.
func (d *driver) catchUp() {
	for {
		d.handle.mu.Lock()
		err := d.handle.err
		d.handle.mu.Unlock()
		switch {
		case err == nil && d.next == len(d.batches):
			return
		case err == nil:
			if err = d.handle.try(clone(d.batches[d.next])); err == nil {
				d.next++
				continue
			}
		}
		d.report.Errors = append(d.report.Errors, err)
		d.reopen()
	}
}

// finish waits until everything is durable.
func (d *driver) finish() {
	d.t.Helper()
	last := d.batches[len(d.batches)-1].End
	for deadline := time.Now().Add(2 * patience); ; {
		d.catchUp()
		d.handle.mu.Lock()
		durable := d.handle.durable
		d.handle.mu.Unlock()
		if !durable.Before(last) {
			d.handle.close()
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("%s is not held, only %s", last, durable)
		}
		select {
		case <-d.handle.news:
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// reopen opens the sink, retrying until it succeeds, and continues after the position that Open returns.
func (d *driver) reopen() {
	d.t.Helper()
	if d.handle != nil {
		d.handle.close()
		d.durable = d.handle.durable
	}
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(100 * time.Millisecond) {
		d.report.Opens++
		h, err := tryOpen(d.t, d.sink)
		if err == nil {
			d.handle = h
			break
		}
		d.report.Errors = append(d.report.Errors, err)
		if time.Now().After(deadline) {
			d.t.Fatalf("open: %v", err)
		}
	}
	p := d.handle.progress
	if p.Position.Before(d.durable) && !d.place.RecordUnsupported {
		d.t.Fatalf("Open returns %s after %s was held", p.Position, d.durable)
	}
	d.next = 0
	for d.next < len(d.batches) && d.batches[d.next].End.Compare(p.Position) <= 0 {
		d.next++
	}
}

func tryOpen(t *testing.T, s sink.Sink) (*handle, error) {
	h := &handle{t: t, sink: s, news: make(chan struct{}, 1)}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var err error
	if h.writer, h.progress, err = s.Open(ctx, sink.Lane{Name: "main", Origin: Origin, OnDurable: h.onDurable, Failed: h.fail}); err != nil {
		return nil, err
	}
	t.Cleanup(h.close)
	return h, nil
}

// Fenced returns the number of errors that mean that another process opened the sink.
func (r Report) Fenced() (n int) {
	for _, err := range r.Errors {
		if errors.Is(err, sink.ErrFenced) {
			n++
		}
	}
	return n
}

// clone copies a batch including the memory of its values, because handle.try overwrites that of a written batch.
func clone(b sink.Batch) sink.Batch {
	events := b.Events
	b.Events = append(b.Events[:0:0], events...)
	for i := range b.Events {
		c := *events[i].Change
		c.After = append(c.After[:0:0], c.After...)
		for j, v := range c.After {
			c.After[j].Bytes = append([]byte(nil), v.Bytes...)
		}
		b.Events[i].Change = &c
	}
	return b
}
