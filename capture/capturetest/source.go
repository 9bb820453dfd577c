package capturetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// Source is one daemon's connection to a Script. It implements capture.Source and capture.HealthReporter. Set its fields before
// Run.
type Source struct {
	// Hook is called between the check of the slot and its start, when another daemon may be faster. nil: nothing.
	Hook func()
	// Resumed is called with the records that Resume gets, and its error is Resume's. nil: nothing.
	Resumed func([]capture.Record) error
	// Copying is called before each batch of a copy of all rows, with the number of rows delivered; its error ends the
	// copy. nil: nothing.
	Copying func(ctx context.Context, handed int) error
	// Opening is called before a copy of all rows is open, and may report what that waits for; its error is Copy's. nil:
	// nothing.
	Opening func(ctx context.Context, waits func(*capture.Problem)) error
	// Altered returns what Compare reports about a publication, for the recorded one and the present one. nil: nothing was
	// altered.
	Altered func(recorded, now string) []string

	script *Script

	mu      sync.Mutex
	dead    bool
	stream  *Stream
	streams int
	copies  map[int]bool // the open copies of all rows, by number
	stalls  uint64
}

// Source creates the source of another daemon.
func (s *Script) Source() *Source { return &Source{script: s} }

const standbyPause = time.Second

// Run implements capture.Source.
func (s *Source) Run(ctx context.Context, report func(error), serve func(context.Context, capture.Stream) error) error {
	var backoff capture.Backoff
	for ctx.Err() == nil {
		err := s.session(ctx, serve)
		switch {
		case ctx.Err() != nil || errors.Is(err, capture.ErrRestart):
			continue
		case errors.Is(err, capture.ErrSlotInUse):
			report(err)
			_ = capture.Sleep(ctx, standbyPause)
			continue
		}
		if err == nil {
			err = errors.New("the stream ended without a reason")
		}
		report(err)
		_ = capture.Sleep(ctx, backoff.Next(err))
	}
	return nil
}

func (s *Source) session(ctx context.Context, serve func(context.Context, capture.Stream) error) error {
	from := s.script.Confirmed()
	if s.Hook != nil {
		s.Hook()
	}
	st, err := s.start(from)
	if err != nil {
		return err
	}
	defer st.close()
	return serve(ctx, st)
}

func (s *Source) start(from capture.LSN) (*Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return nil, errCut
	}
	st, err := s.script.start(s, from)
	if err == nil {
		s.stream = st
		s.streams++
	}
	return st, err
}

// Kill ends the daemon's connection as the end of its process does: nothing that it sends from now on reaches the server.
// The server notices when Cut or Orphan is called.
func (s *Source) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
	if s.stream != nil {
		s.stream.fail(errCut)
	}
}

// Health implements capture.HealthReporter.
func (s *Source) Health() capture.Health {
	s.mu.Lock()
	st, stalls := s.stream, s.stalls
	s.mu.Unlock()
	c := s.script
	c.mu.Lock()
	defer c.mu.Unlock()
	h := capture.Health{
		Slot: "inactive", End: c.end, Confirmed: c.confirmed, Retained: int64(c.end - c.confirmed), Safe: -1,
		Stalls: stalls,
	}
	if c.holder != nil {
		h.Slot = "active"
		h.Connected = c.holder.stream != nil && c.holder.stream == st
	}
	if st != nil && st.tx != nil {
		h.Copying, h.Copied, h.Estimated = st.at <= len(st.rows), int64(min(st.at, len(st.rows))), int64(len(st.rows))
	}
	return h
}

// WALEnd returns the end of the log.
func (s *Source) WALEnd(context.Context) (capture.LSN, error) { return s.script.End(), nil }

// start acquires the slot, or creates a snapshot if there is none.
func (s *Script) start(src *Source, from capture.LSN) (*Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holder != nil {
		return nil, fmt.Errorf("%w: process %p", capture.ErrSlotInUse, s.holder)
	}
	st := &Stream{script: s, source: src, origin: s.origin, ended: make(chan struct{}), state: stateDone, delay: s.delay}
	st.start = capture.Position{LSN: from}
	if !s.slot {
		s.end += 64 // a new slot writes a record
		s.confirmed = s.end
		st.snapshot(s.end)
		for _, r := range s.log {
			st.rows = append(st.rows, r.rows...)
		}
	}
	st.next = max(from, s.confirmed)
	s.holder = &process{stream: st}
	s.wake()
	return st, nil
}

// Cut makes the daemon notice that its connection is gone, as its own watch does after Script.Orphan.
func (s *Source) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream != nil {
		s.stream.fail(errCut)
	}
}

// Stall makes Health count one more stall.
func (s *Source) Stall() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stalls++
}

// Streams returns the number of streams that were started.
func (s *Source) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams
}
