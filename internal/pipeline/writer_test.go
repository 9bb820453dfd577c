package pipeline

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/sink"
)

// writer takes batches now and makes them durable later, in its own goroutine, step by step. What it has on its way goes on
// its way when it is closed, until the next Open fences it.
type writer struct {
	sink       *scripted
	store      *store
	lane       sink.Lane
	generation int

	// Below store.mu:
	queue []sent
	err   error // why it can do no more

	call   sync.Mutex // held while the lane is called
	closed bool       // below call and, for who waits, told by store.wake
}

// sent is a batch on its way.
type sent struct {
	rows   []capturetest.Row
	end    capture.Position
	commit bool
	state  []byte
	last   capture.Commit
}

func (w *writer) isClosed() bool {
	w.call.Lock()
	defer w.call.Unlock()
	return w.closed
}

// Write implements sink.Writer.
func (w *writer) Write(ctx context.Context, batches []sink.Batch) error {
	s := w.store
	s.mu.Lock()
	s.writes = append(s.writes, append([]sink.Batch(nil), batches...))
	s.mu.Unlock()
	for _, b := range batches {
		if err := w.accept(ctx, b); err != nil {
			return err
		}
	}
	if s.applies {
		w.lane.OnApplied(batches[len(batches)-1].End)
	}
	if s.control.durableAtAccept {
		w.hold(batches[len(batches)-1].End)
	}
	return nil
}

// accept takes one batch when there is room on the way.
func (w *writer) accept(ctx context.Context, b sink.Batch) error {
	s := w.store
	item := sent{end: b.End, commit: b.Commit, state: b.State, last: b.Last}
	for _, e := range b.Events {
		r, err := capturetest.RowOf(e.Change)
		if err != nil {
			return err
		}
		item.rows = append(item.rows, r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case w.err != nil:
			return w.err
		case w.sink.isDead():
			return errTarget
		case s.refuse != nil:
			if err := s.refuse(b); err != nil {
				return err
			}
		}
		if len(w.queue) < cmp.Or(s.limit, 4) || s.transactional {
			break
		}
		if err := w.wait(ctx.Done()); err != nil {
			return context.Cause(ctx)
		}
	}
	if s.control.emptyDurableAtOnce && len(item.rows) == 0 && len(w.queue) == 0 {
		s.mu.Unlock()
		w.hold(item.end)
		s.mu.Lock()
		return nil
	}
	w.queue = append(w.queue, item)
	s.wake()
	return nil
}

var errStop = errors.New("stop")

// wait gives store.mu up until something changes.
func (w *writer) wait(stop <-chan struct{}) error {
	changed := w.store.changed
	w.store.mu.Unlock()
	defer w.store.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-stop:
		return errStop
	}
}

// work is the way to the target, and the target. A fenced writer learns it from what it has on its way, and only then.
func (w *writer) work() {
	s := w.store
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for w.ready() == 0 || s.blocked {
			if w.over() {
				w.fence()
				return
			}
			_ = w.wait(nil)
		}
		if !w.step(w.ready()) {
			return
		}
	}
}

// fence tells the lane, when the writer is fenced.
func (w *writer) fence() {
	if w.fenced() {
		w.store.mu.Unlock()
		w.fail(sink.ErrFenced)
		w.store.mu.Lock()
	}
}

// ready is how many batches of the queue can become durable together now.
func (w *writer) ready() int {
	if !w.store.transactional {
		return min(1, len(w.queue))
	}
	for n := len(w.queue); n > 0; n-- {
		if w.queue[n-1].commit {
			return n
		}
	}
	return 0
}

// over says that nothing of the writer becomes durable any more.
func (w *writer) over() bool {
	return w.fenced() && len(w.queue) > 0 || w.isClosed() && (w.ready() == 0 || w.store.loses)
}

func (w *writer) fenced() bool {
	return w.generation != w.store.generation && !w.store.control.unfenced
}

// step makes n batches durable and tells the lane. It is false when the writer is at its end.
func (w *writer) step(n int) bool {
	s := w.store
	if w.later() {
		return false
	}
	var rows []capturetest.Row
	record := &sink.Progress{Record: sink.RecordFound, Origin: w.lane.Origin}
	if s.record != nil {
		record.Commit = s.record.Commit
		if record.Verdict = s.record.Verdict; record.Verdict != nil {
			record.Origin = s.record.Origin
		}
	}
	for _, item := range w.queue[:n] {
		rows = append(rows, item.rows...)
		record.Position = item.end
		if item.state != nil {
			record.State = item.state
		}
		if !item.last.IsZero() {
			record.Commit = item.last
		}
	}
	if !s.transactional {
		s.land(rows, nil)
		if s.control.durableAtAck {
			w.told(record.Position)
		}
		rows = nil
		if w.later() {
			return false
		}
	}
	w.queue = w.queue[n:]
	if !s.transactional && s.record != nil && record.Position.Before(s.record.Position) {
		return true // its records only grow, as Kafka's do: it rewrites what it had
	}
	s.land(rows, record)
	s.wake()
	w.told(record.Position)
	return true
}

// later lets the target's time pass; it is true when nothing can happen any more.
func (w *writer) later() bool {
	s := w.store
	latency := s.latency
	s.mu.Unlock()
	time.Sleep(latency)
	s.mu.Lock()
	for s.blocked && !w.over() {
		_ = w.wait(nil)
	}
	switch {
	case w.fenced():
		w.fence()
		return true
	case s.fails != nil:
		err := s.fails
		s.mu.Unlock()
		w.fail(err)
		s.mu.Lock()
		return true
	case w.err != nil && s.loses:
		return true
	}
	return w.over()
}

// told reports a durable position without the store's lock.
func (w *writer) told(p capture.Position) {
	w.store.mu.Unlock()
	w.hold(p)
	w.store.mu.Lock()
}

func (w *writer) hold(p capture.Position) {
	w.call.Lock()
	defer w.call.Unlock()
	if !w.closed {
		w.lane.OnDurable(p)
	}
}

func (w *writer) fail(err error) {
	w.store.mu.Lock()
	first := w.err == nil
	if first {
		w.err = err
	}
	w.store.wake()
	w.store.mu.Unlock()
	w.call.Lock()
	defer w.call.Unlock()
	if first && !w.closed {
		w.lane.Failed(err)
	}
}

// Record implements sink.Recorder.
func (w *writer) Record(ctx context.Context, p sink.Progress) error {
	s := w.store
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.blocked && !w.fenced() {
		if err := w.wait(ctx.Done()); err != nil {
			return context.Cause(ctx)
		}
	}
	switch {
	case w.fenced():
		return sink.ErrFenced
	case w.sink.isDead() || s.deaf:
		return errTarget
	}
	if len(w.queue) > 0 && s.control == (controls{}) {
		s.misused = "a record is written while something is on its way"
	}
	s.land(nil, &p)
	s.wake()
	return nil
}

// UsedBefore implements sink.UsedBefore.
func (w *writer) UsedBefore(_ context.Context, tables []*capture.Table) (string, error) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if len(tables) != 1 || tables[0].OID != capturetest.Table.OID {
		return "", errTarget
	}
	return w.store.used, nil
}

// Close implements sink.Writer.
func (w *writer) Close() error {
	w.call.Lock()
	w.closed = true
	w.call.Unlock()
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.wake()
	return nil
}
