package capturetest

import (
	"context"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// rowCopy is a copy of all rows of a Script. It implements capture.Copy.
type rowCopy struct {
	n       int
	stream  *Stream // of the snapshot only
	copying func(ctx context.Context, handed int) error
}

// Copy implements capture.Copier.
func (s *Stream) Copy(ctx context.Context, n int, waits func(*capture.Problem)) (capture.Copy, error) {
	if _, err := s.Slot(ctx); err != nil {
		return nil, err
	}
	if opening := s.source.Opening; opening != nil {
		if err := opening(ctx, waits); err != nil {
			return nil, err
		}
	}
	if err := s.source.opened(n); err != nil {
		return nil, err
	}
	c := s.script
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write(record{end: c.end + 64}) // a new slot writes a record
	k := &Stream{script: c, source: s.source, origin: s.origin}
	k.snapshot(c.end)
	for _, r := range c.log {
		k.rows = append(k.rows, r.rows...)
	}
	copying := s.source.Copying
	if copying == nil {
		copying = func(context.Context, int) error { return nil }
	}
	return &rowCopy{n, k, copying}, nil
}

// opened records that a copy is open: no other copy may have its number until it is closed.
func (s *Source) opened(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.copies[n] {
		return fmt.Errorf("a copy with the number %d is open", n)
	}
	if s.copies == nil {
		s.copies = map[int]bool{}
	}
	s.copies[n] = true
	return nil
}

// Copies returns the number of open copies.
func (s *Source) Copies() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.copies)
}

// Point implements capture.Copy.
func (c *rowCopy) Point() capture.LSN { return c.stream.tx.Snapshot() }

// Tables implements capture.Copier.
func (s *Stream) Tables() []*capture.Table {
	return []*capture.Table{{OID: Table.OID, Schema: Table.Schema, Name: Table.Name}}
}

// Next implements capture.Copy.
func (c *rowCopy) Next(ctx context.Context) (capture.Batch, error) {
	if err := c.copying(ctx, c.stream.at); err != nil {
		return capture.Batch{}, err
	}
	if err := capture.Sleep(ctx, time.Millisecond); err != nil {
		return capture.Batch{}, err
	}
	c.stream.source.mu.Lock()
	dead := c.stream.source.dead
	c.stream.source.mu.Unlock()
	if dead {
		return capture.Batch{}, errCut
	}
	b := c.stream.copied()
	if b.State = statePending; b.Commit {
		b.State = stateDone
	}
	return b, nil
}

// Close implements capture.Copy.
func (c *rowCopy) Close() {
	s := c.stream.source
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.copies, c.n)
}
