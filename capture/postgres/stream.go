package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/capture/postgres/joined"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/capture/postgres/snapshot"
	"github.com/tailrace/tailrace/capture/postgres/trees"
)

// mainLane is the name under which sinks keep the progress of a Postgres source.
const mainLane = "main"

// closeTimeout bounds each step of an orderly end of a connection.
const closeTimeout = time.Second

// stream is one replication connection from START_REPLICATION to its end. One goroutine, receive, owns the socket: it
// reads, decodes, hands over batches and sends the status. It never waits for the window without answering the server.
type stream struct {
	config      *Config
	log         *zap.Logger
	control     *controlConn
	trees       *trees.Watch
	joins       *joined.Watch
	slot        string // the main slot, or the temporary one of a first start
	pid         uint32 // of the walsender
	origin      capture.Origin
	start       capture.Position
	snapshot    *snapshot.Snapshot // nil: there is none to make
	rowsDone    bool               // Next has returned all rows of the snapshot
	first       capture.Position   // the end of the first batch with changes that Next has returned; zero: none yet
	publication *publication.View
	accept      func() // every sink has passed the start rule
	rows        func(ctx context.Context, n int, waits func(*capture.Problem)) (capture.Copy, error)

	conn   net.Conn // the socket, or TLS over it
	socket *conn.Socket
	frames *conn.Frames
	asm    *decode.Assembler
	pulse  time.Duration // the maximum time between two status updates
	// patience is how long the server may be silent after it was asked for an answer. It is not less than the server's own
	// timeout: while the server decodes a transaction that has nothing for us, it reads our messages only often enough to
	// keep to that. While no caller takes batches nothing is read; then patience is how long a status update may stay
	// unacknowledged by the server's kernel, and, after the same number of pulses, how long the control connection may stay
	// unanswered.
	patience  time.Duration
	answers   atomic.Uint64  // the number of answers on the control connection
	stalls    *atomic.Uint64 // the Source's count
	stallTold bool           // a stall of this connection has been logged
	status    status

	out    chan capture.Batch
	cancel context.CancelCauseFunc // stops receive
	ended  chan struct{}
	err    error // the reason; valid after ended

	life       context.Context // ends after ended is closed
	background sync.WaitGroup  // goroutines that end with life; close waits for them

	flush          atomic.Uint64 // the position from Confirm, which the status carries
	expeditedUntil atomic.Int64  // until when a caller waits for the position to move, in Unix nanoseconds
	copied         chan struct{} // closed when every sink has the snapshot; for a first start only
	promoted       atomic.Bool   // the temporary slot of a first start has been copied to the permanent one
	complete       func()
}

// Lane implements capture.Stream.
func (s *stream) Lane() string { return mainLane }

// Origin implements capture.Stream.
func (s *stream) Origin() capture.Origin { return s.origin }

// Start implements capture.Stream.
func (s *stream) Start() capture.Position { return s.start }

// Slot implements capture.Stream.
func (s *stream) Slot(ctx context.Context) (capture.Slot, error) {
	var row *slot.State
	err := s.control.do(ctx, func(c *pgx.Conn) (err error) {
		row, err = slot.Read(ctx, c, s.slot)
		return err
	})
	switch {
	case err != nil:
		return capture.Slot{}, err
	case row == nil:
		return capture.Slot{}, slot.Missing(s.config.Slot, nil)
	case uint32(row.PID) != s.pid:
		return capture.Slot{}, fmt.Errorf("%w: slot %s is held by process %d, not by ours", capture.ErrSlotInUse, s.slot, row.PID)
	}
	return capture.Slot{Confirmed: row.Confirmed, End: row.End, Recovering: row.Recovering, New: s.snapshot != nil}, nil
}

// Compare implements capture.Stream.
func (s *stream) Compare(ctx context.Context, r capture.Record) (c capture.Comparison, err error) {
	if s.snapshot == nil {
		if c.Altered, err = s.publication.Altered(ctx, r.Origin.Publication); err != nil {
			return c, err
		}
	}
	if s.snapshot == nil {
		s.trees.Learn(recordedTrees(r.State))
	}
	if s.snapshot == nil || s.promoted.Load() {
		copied(&r, &c)
	}
	if s.snapshot == nil {
		if list, stale := s.joins.Learn(joinsOf(&r)); stale {
			if c.State == nil {
				c.State = restated(r.State)
			}
			c.State = withJoins(c.State, list)
		}
	}
	err = s.control.do(ctx, func(conn *pgx.Conn) (err error) {
		c.Commit, err = slot.FindCommit(ctx, conn, r.Commit)
		return err
	})
	return c, err
}

// Next implements capture.Stream: step 5 of the way of one row.
func (s *stream) Next(ctx context.Context) (capture.Batch, error) {
	if s.snapshot != nil && !s.rowsDone {
		b, err := s.snapshot.Next(ctx, s.ended)
		if !errors.Is(err, snapshot.ErrCopied) {
			return b, err
		}
		s.rowsDone = true
	}
	select {
	case b := <-s.out:
		if len(b.Changes) > 0 && s.first.IsZero() {
			s.first = b.End
		}
		return b, nil
	case <-s.ended:
		return capture.Batch{}, s.err
	case <-ctx.Done():
		return capture.Batch{}, context.Cause(ctx)
	}
}

// CurrentState implements capture.StateKeeper: a batch has no partition trees and no tables that joined.
func (s *stream) CurrentState(state []byte) []byte { return s.joins.State(s.trees.State(state)) }

// delivered returns how far every sink is, if the sinks have changes of this stream; else 0. It is 0 during a first start,
// which brings nothing until it is complete. Only the goroutine that calls Next may call it.
func (s *stream) delivered() capture.LSN {
	flush := capture.LSN(s.flush.Load())
	if s.first.IsZero() || s.snapshot != nil || flush < s.first.Flush() {
		return 0
	}
	return flush
}

// Done implements capture.Stream.
func (s *stream) Done() <-chan struct{} { return s.ended }

// Err implements capture.Stream.
func (s *stream) Err() error { return s.err }

// Confirm implements capture.Stream: step 12 of the way of one row. I2: it only grows.
func (s *stream) Confirm(p capture.Position) {
	to := uint64(p.Flush())
	for {
		was := s.flush.Load()
		if to <= was {
			break
		}
		if s.flush.CompareAndSwap(was, to) {
			if s.status.asked.Load() {
				s.socket.Wake()
			}
			break
		}
	}
	if s.complete != nil && !p.Before(capture.Position{LSN: s.start.Flush()}) {
		s.complete()
	}
}

// expedite makes an idle server report its position soon, and for a while.
func (s *stream) expedite() {
	s.expeditedUntil.Store(time.Now().Add(time.Minute).UnixNano())
	s.socket.Wake()
}

// run starts the socket's goroutine.
func (s *stream) run(ctx context.Context) {
	var endLife context.CancelFunc
	s.life, endLife = context.WithCancel(ctx)
	ctx, s.cancel = context.WithCancelCause(ctx)
	s.ended = make(chan struct{})
	s.out = make(chan capture.Batch)
	go func() {
		defer endLife()
		defer close(s.ended)
		s.err = s.receive(ctx)
		if !errors.Is(s.err, capture.ErrRestart) {
			_ = s.conn.Close() // immediately: the server may be waiting for it while serve is still busy
		}
	}()
}

// end stops the stream with a reason that Next will return.
func (s *stream) end(why error) {
	s.cancel(why)
	s.socket.Wake()
}

// close ends the stream: receive has returned, and the server has received the last position and released the slot, or a
// second has passed.
func (s *stream) close() {
	s.end(capture.ErrRestart)
	<-s.ended
	s.socket.Unwake()
	s.socket.Until(time.Now().Add(closeTimeout))
	if s.send(time.Now(), false) == nil {
		_, _ = s.conn.Write([]byte{'c', 0, 0, 0, 4, 'X', 0, 0, 0, 4}) // CopyDone, Terminate
		for {
			if _, err := s.frames.Next(); err != nil {
				break
			}
		}
	}
	_ = s.conn.Close() // it may be closed already
	if s.snapshot != nil {
		s.snapshot.Close()
	}
	s.background.Wait()
}

// once returns a function that closes c the first time that it is called.
func once(c chan struct{}) func() { return sync.OnceFunc(func() { close(c) }) }
