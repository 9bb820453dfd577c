package capturetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// patience bounds every wait; it is not a measurement.
const patience = time.Minute

// client runs a source; the test itself serves its streams.
type client struct {
	bench    *bench
	cancel   context.CancelFunc
	sessions chan *session
	reports  chan error
	done     chan error
	state    []byte // of the last batch
	durable  capture.Position
	origin   capture.Origin // of the stream that delivered it
}

func (b *bench) client() *client {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.t.Context()))
	c := &client{bench: b, cancel: cancel, sessions: make(chan *session), reports: make(chan error, 1000), done: make(chan error, 1)}
	source := b.server.Source(b.t)
	go func() {
		defer close(c.done)
		c.done <- source.Run(ctx, func(err error) { c.reports <- err }, func(ctx context.Context, s capture.Stream) error {
			return c.serve(ctx, s)
		})
	}()
	b.t.Cleanup(func() {
		cancel()
		<-c.done
	})
	return c
}

// serve gives the stream to the test, until the test calls over or the stream has ended.
func (c *client) serve(ctx context.Context, stream capture.Stream) error {
	if _, err := stream.Slot(ctx); err != nil {
		return err
	}
	var records []capture.Record
	if !c.durable.IsZero() {
		records = []capture.Record{{Sink: "test", Position: c.durable, State: c.state, Origin: c.origin}}
	}
	for _, r := range records {
		if cmp, err := stream.Compare(ctx, r); err != nil || len(cmp.Altered) > 0 || cmp.Commit == capture.CommitAbsent {
			return fmt.Errorf("the source says %+v (%w) of %+v", cmp, err, r)
		}
	}
	fromSnapshot, err := stream.Resume(ctx, records)
	if err != nil {
		return err
	}
	s := &session{Stream: stream, client: c, t: c.bench.t, fromSnapshot: fromSnapshot, last: stream.Start(), end: make(chan error, 1)}
	select {
	case c.sessions <- s:
	case <-ctx.Done():
		return nil
	}
	select {
	case err := <-s.end:
		return err
	case <-c.bench.t.Context().Done():
		return nil
	}
}

// session waits for the next stream.
func (c *client) session() *session {
	c.bench.t.Helper()
	select {
	case s := <-c.sessions:
		return s
	case <-time.After(patience):
		c.bench.fatal("no stream; reported: %v", c.all())
		return nil
	}
}

// next ends a session, which has failed with err, and waits for the next one.
func (c *client) next(s *session, err error) *session {
	c.bench.t.Helper()
	s.over(err)
	return c.session()
}

// steady performs a first start, beginning with s if that is not nil, until the stream uses the permanent slot.
func (c *client) steady(s *session) *session {
	c.bench.t.Helper()
	if s == nil {
		s = c.session()
	}
	for s.fromSnapshot {
		if point := (capture.Position{LSN: s.Start().Flush()}); !point.Before(s.last) {
			s.confirm() // the changes after the copy are sent again
		}
		b, err := s.nextBatch()
		if err != nil {
			if !errors.Is(err, capture.ErrRestart) {
				c.bench.fatal("the copy ends with %v", err)
			}
			s = c.next(s, err)
			continue
		}
		s.check(b)
	}
	return s
}

func (c *client) reported() error {
	c.bench.t.Helper()
	select {
	case err := <-c.reports:
		return err
	case <-time.After(patience):
		c.bench.fatal("nothing is reported")
		return nil
	}
}

func (c *client) all() (errs []error) {
	for {
		select {
		case err := <-c.reports:
			errs = append(errs, err)
		default:
			return errs
		}
	}
}

// session is a stream that is being served, and its progress.
type session struct {
	capture.Stream
	client       *client
	t            *testing.T
	fromSnapshot bool
	last         capture.Position
	tx           *capture.Tx // of the last change
	seq          uint64
	whole        bool // last lies between transactions
	end          chan error
}

// over ends the session.
func (s *session) over(err error) { s.end <- err }

// broken waits until the stream reports that it has broken.
func (s *session) broken() error {
	s.t.Helper()
	select {
	case <-s.Done():
	case <-time.After(patience):
		s.t.Fatal("the stream does not break")
	}
	if s.Err() == nil {
		s.t.Fatal("the stream broke without a reason")
	}
	return s.Err()
}

func (s *session) slot() capture.Slot {
	s.t.Helper()
	slot, err := s.Slot(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return slot
}

// confirm confirms everything that was taken as durable.
func (s *session) confirm() capture.Position {
	s.Confirm(s.last)
	return s.last
}

// reaches waits until the server has received the confirmation of p.
func (b *bench) reaches(s *session, p capture.Position) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); s.slot().Confirmed < p.LSN; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.fatal("%s is confirmed, the slot stays at %s", p, s.slot().Confirmed)
		}
	}
	if got := s.slot().Confirmed; got != p.LSN {
		b.fatal("%s is confirmed, the slot is at %s", p, got)
	}
}

func (s *session) nextBatch() (capture.Batch, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	return s.Next(ctx)
}

// take takes the next batch.
func (s *session) take() capture.Batch {
	s.t.Helper()
	b, err := s.nextBatch()
	if err != nil {
		s.t.Fatalf("after %s: %v", s.last, err)
	}
	s.check(b)
	return b
}

// expect takes batches until it has as many rows as wanted, compares them, and returns the batches.
func (s *session) expect(want ...Row) (batches []capture.Batch) {
	s.t.Helper()
	var got []Row
	for len(got) < len(want) || !s.whole && len(want) > 0 && !s.fromSnapshot {
		b := s.take()
		got, batches = append(got, rowsOf(s.t, b)...), append(batches, b)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Fatalf("the stream has %v, want %v", got, want)
	}
	return batches
}

func rowsOf(t *testing.T, b capture.Batch) (rows []Row) {
	t.Helper()
	for i := range b.Changes {
		r, err := RowOf(&b.Changes[i])
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows
}

// check checks a batch's positions against the position of the stream.
func (s *session) check(b capture.Batch) {
	s.t.Helper()
	bad := func(format string, args ...any) {
		s.t.Helper()
		s.t.Fatalf("batch from %s to %s with %d changes: %s", s.last, b.End, len(b.Changes), fmt.Sprintf(format, args...))
	}
	if !s.last.Before(b.End) {
		bad("it does not go on")
	}
	for i := range b.Changes {
		s.change(&b.Changes[i], b.End, bad)
	}
	switch n := len(b.Changes); {
	case b.Commit && b.End.Seq != 0:
		bad("it ends between transactions and counts inside one")
	case !b.Commit && n == 0:
		bad("nothing, inside a transaction")
	case !b.Commit && b.End != (capture.Position{LSN: s.tx.LSN, Seq: s.seq + 1}):
		bad("a part ends elsewhere than behind its last change %s+%d", s.tx.LSN, s.seq)
	case n > 0 && b.Commit && !ends(b.Changes[n-1].Tx, b):
		bad("its last transaction is %v, that of its last change %v", b.Last, b.Changes[n-1].Tx)
	case n > 0 && (b.Bytes <= 0 || b.Time.IsZero()):
		bad("%d bytes, committed %s", b.Bytes, b.Time)
	}
	s.last, s.whole = b.End, b.Commit
	state := b.State
	if keeper, keeps := s.Stream.(capture.StateKeeper); keeps {
		state = keeper.CurrentState(state)
	}
	if state != nil {
		s.client.state = state
	}
	s.client.durable, s.client.origin = s.last, s.Origin()
}

// ends reports whether a batch names tx as its last transaction. The batch may end beyond the commit: the server may have
// reported meanwhile that no further changes precede that position.
func ends(tx *capture.Tx, b capture.Batch) bool {
	return b.Last == tx.Commit(b.Last.LSN) && tx.LSN < b.Last.LSN && b.Last.LSN <= b.End.LSN
}

func (s *session) change(c *capture.Change, end capture.Position, bad func(string, ...any)) {
	s.t.Helper()
	at := c.At()
	switch {
	case at.Before(s.last) || !at.Before(end):
		bad("a change at %s", at)
	case c.Tx == s.tx || s.tx != nil && c.Tx.LSN == s.tx.LSN:
		if c.Seq != s.seq+1 {
			bad("change %d after %d of the same transaction", c.Seq, s.seq)
		}
	case c.Seq != 0:
		bad("a transaction begins with change %d", c.Seq)
	case s.tx != nil && c.Tx.LSN < s.tx.LSN:
		bad("commit %s after %s", c.Tx.LSN, s.tx.LSN)
	}
	if c.Tx.Time.IsZero() || c.Table == nil || c.Op == capture.Read && !s.fromSnapshot {
		bad("%s of %v, committed %s, in a stream from a snapshot: %t", c.Op, c.Table, c.Tx.Time, s.fromSnapshot)
	}
	s.tx, s.seq = c.Tx, c.Seq
}
