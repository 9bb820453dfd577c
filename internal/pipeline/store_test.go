package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/sink"
)

// errTarget is an error of a target that may pass.
var errTarget = errors.New("target: connection refused")

// store is the far end of a scripted sink: what is durable there, by any writer, and its faults.
type store struct {
	transactional bool          // data and record become durable together, at commits only
	forgetful     bool          // it keeps no record
	latency       time.Duration // of each step at the target
	limit         int           // how many batches a writer has on its way; 0: 4

	control controls

	mu         sync.Mutex
	rows       []capturetest.Row
	record     *sink.Progress // nil: none
	past       []durable      // every state that was durable, oldest first
	generation int            // of the last Open
	writers    []*writer      // all that were ever opened
	blocked    bool           // nothing arrives
	changed    chan struct{}
	down       error                  // of Open
	hangs      bool                   // Open does, until its context ends
	late       bool                   // it reports that it acknowledges late
	applies    bool                   // it reports what it has accepted as applied
	refuse     func(sink.Batch) error // of Write; nil: none
	fails      error                  // of everything on its way; nil: none
	missing    sink.RecordState       // what it says when there is no record: Empty, or Lost
	opening    func(generation int)   // called within Open before it fences; nil: nothing
	deaf       bool                   // it takes no Record
	used       string                 // what it has from before; "": nothing
	loses      bool                   // what is on its way when a writer is closed is lost
	writes     [][]sink.Batch         // as they came
	misused    string                 // how its contract was broken; "": it was not
	health     sink.Health
}

// controls are ways to break the contract of a sink; a test that uses one must fail.
type controls struct{ durableAtAccept, durableAtAck, emptyDurableAtOnce, unfenced bool }

// durable is a state of the store.
type durable struct {
	rows   int
	record *sink.Progress
}

func newStore() *store {
	return &store{changed: make(chan struct{}), missing: sink.RecordNone, latency: time.Millisecond}
}

func transactional() *store {
	s := newStore()
	s.transactional = true
	return s
}

func forgetful() *store {
	s := newStore()
	s.forgetful = true
	return s
}

// set changes the store's faults.
func (s *store) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.wake()
}

func (s *store) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// block lets nothing arrive until unblock.
func (s *store) block()   { s.set(func() { s.blocked = true }) }
func (s *store) unblock() { s.set(func() { s.blocked = false }) }

// refuses makes Open fail, or no more with nil.
func (s *store) refuses(err error) { s.set(func() { s.down = err }) }

func (s *store) seen() []capturetest.Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rows)
}

func (s *store) opens() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.writers)
}

// empty makes the target new. What an earlier writer has on its way never arrives.
func (s *store) empty() {
	s.set(func() {
		s.generation++
		s.rows, s.record, s.past = nil, nil, nil
	})
}

// open says how many writers are open.
func (s *store) open() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.writers {
		if !w.isClosed() {
			n++
		}
	}
	return n
}

// position is that of the record; zero when there is none.
func (s *store) position() capture.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.record == nil {
		return capture.Position{}
	}
	return s.record.Position
}

// once is the promise that the store can keep.
func (s *store) once() capturetest.Once { return capturetest.Once(s.transactional) }

// break ends the newest writer with err, as its target's connection breaking does.
func (s *store) breaks(err error) {
	s.mu.Lock()
	w := s.writers[len(s.writers)-1]
	s.mu.Unlock()
	w.fail(err)
}

// lose puts the target back by so many steps, data and record, as a failover to an older copy does.
func (s *store) lose(steps int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := durable{}
	if n := len(s.past) - 1 - steps; n >= 0 {
		to = s.past[n]
		s.past = s.past[:n+1]
	}
	s.rows, s.record = s.rows[:to.rows:to.rows], to.record
}

// land makes rows durable, and the record where one is given.
func (s *store) land(rows []capturetest.Row, record *sink.Progress) {
	s.rows = append(s.rows, rows...)
	if record != nil && !s.forgetful {
		if record.State == nil && s.record != nil {
			record.State = s.record.State
		}
		s.record = record
	}
	s.past = append(s.past, durable{len(s.rows), s.record})
}

// progress is what Open returns.
func (s *store) progress() sink.Progress {
	switch {
	case s.forgetful:
		return sink.Progress{Record: sink.RecordUnsupported}
	case s.record == nil:
		return sink.Progress{Record: s.missing}
	}
	return *s.record
}

// scripted is one daemon's sink on a store.
type scripted struct {
	store *store
	mu    sync.Mutex
	dead  bool // the daemon is: nothing of it reaches the target any more, but for what is on its way
}

func (k *scripted) isDead() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dead
}

// Open implements sink.Sink.
func (k *scripted) Open(ctx context.Context, lane sink.Lane) (sink.Writer, sink.Progress, error) {
	s := k.store
	s.mu.Lock()
	opening, next, hangs := s.opening, s.generation+1, s.hangs
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return nil, sink.Progress{}, errTarget
	}
	if opening != nil {
		opening(next)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.isDead() {
		return nil, sink.Progress{}, errTarget
	}
	if s.down != nil {
		return nil, sink.Progress{}, s.down
	}
	s.generation++
	w := &writer{sink: k, store: s, lane: lane, generation: s.generation}
	s.writers = append(s.writers, w)
	go w.work()
	progress := s.progress()
	progress.AcksLate = s.late
	return w, progress, nil
}

// keeping is a scripted sink on a store that keeps records.
type keeping struct{ *scripted }

// Read implements sink.Reader.
func (k keeping) Read(context.Context, string, capture.Origin) (sink.Progress, error) {
	s := k.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.isDead() {
		return sink.Progress{}, errTarget
	}
	return s.progress(), nil
}

// Health implements sink.HealthReporter.
func (k *scripted) Health() sink.Health {
	k.store.mu.Lock()
	defer k.store.mu.Unlock()
	return k.store.health
}

// Close implements sink.Sink.
func (k *scripted) Close() error { return nil }
