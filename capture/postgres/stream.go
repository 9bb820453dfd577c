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
)

// mainLane is the name under which sinks keep the progress of a Postgres source.
const mainLane = "main"

// farewell bounds each step of ending a connection in good order.
const farewell = time.Second

// stream is one replication connection from START_REPLICATION to its end. One goroutine, receive, owns the socket: it
// reads, decodes, hands batches over and sends the status. It never waits for the window without answering the server.
type stream struct {
	config   *Config
	log      *zap.Logger
	control  *sideConn
	trees    *trees
	slot     string // the name: the main slot's, or the temporary one's of a first start
	pid      uint32 // of the walsender
	origin   capture.Origin
	start    capture.Position
	snapshot *snapshot        // nil: none to make
	rowsDone bool             // Next has handed all of the snapshot out
	first    capture.Position // where the first batch with changes ends that Next has handed out; zero: none yet
	mark     string           // of the publication's edition
	// altered says what somebody else did to the publication since a sink recorded an edition of it.
	altered func(ctx context.Context, edition string) ([]string, error)
	accept  func()           // makes the stream's edition the one that this process has accepted
	passed  <-chan struct{}  // closed when every sink has passed the start rule
	dropped []member         // tables under whose names none is published any more
	tables  []*capture.Table // that are published, by name
	rows    func(ctx context.Context, n int, waits func(*capture.Problem)) (capture.Copy, error)

	conn   net.Conn // the socket, or TLS over it
	socket *conn.Socket
	frames *conn.Frames
	asm    *assembler
	pulse  time.Duration // between two status updates at most
	// patience is how long the server may be silent after it was asked for an answer. It is not less than its own with
	// us: decoding a transaction of which nothing is ours, it listens only in time for that. While nobody takes batches
	// nothing is read; then it is how long a status update may stay without the acknowledgement of the server's kernel,
	// and, with the same pulses before it, how long the connection beside the stream may have no answer.
	patience  time.Duration
	answers   atomic.Uint64  // that the server has given beside the stream
	stalls    *atomic.Uint64 // the Source's count
	stallTold bool           // the log has a stall of this connection
	status    status

	out    chan capture.Batch
	cancel context.CancelCauseFunc // ends receive
	ended  chan struct{}
	err    error // why; after ended

	flush    atomic.Uint64 // what Confirm has said; the status carries it
	hurried  atomic.Int64  // until when somebody waits for the position to move, in Unix nanoseconds
	copied   chan struct{} // closed when every sink holds the snapshot; for a first start only
	lasts    atomic.Bool   // the lasting slot has been made of the one of a first start
	complete func()
}

// Lane implements capture.Stream.
func (s *stream) Lane() string { return mainLane }

// Origin implements capture.Stream.
func (s *stream) Origin() capture.Origin { return s.origin }

// Start implements capture.Stream.
func (s *stream) Start() capture.Position { return s.start }

// Slot implements capture.Stream.
func (s *stream) Slot(ctx context.Context) (capture.Slot, error) {
	var row *slotState
	err := s.control.do(ctx, func(c *pgx.Conn) (err error) {
		row, err = s.config.readSlot(ctx, c, s.slot)
		return err
	})
	switch {
	case err != nil:
		return capture.Slot{}, err
	case row == nil:
		return capture.Slot{}, s.config.slotMissing(nil)
	case uint32(row.PID) != s.pid:
		return capture.Slot{}, fmt.Errorf("%w: slot %s is with process %d, not with ours", capture.ErrSlotInUse, s.slot, row.PID)
	}
	return capture.Slot{Confirmed: row.Confirmed, End: row.End, Recovering: row.Recovering, New: s.snapshot != nil}, nil
}

// Compare implements capture.Stream.
func (s *stream) Compare(ctx context.Context, r capture.Record) (c capture.Comparison, err error) {
	if s.snapshot == nil {
		if c.Altered, err = s.altered(ctx, r.Origin.Publication); err != nil {
			return c, err
		}
	}
	if s.snapshot == nil {
		s.trees.learn(&r)
	}
	if s.snapshot == nil || s.lasts.Load() {
		copied(&r, &c)
	}
	err = s.control.do(ctx, func(conn *pgx.Conn) (err error) {
		c.Commit, err = s.config.knows(ctx, conn, r.Commit)
		return err
	})
	return c, err
}

// Next implements capture.Stream: step 5 of the way of one row.
func (s *stream) Next(ctx context.Context) (capture.Batch, error) {
	if s.snapshot != nil && !s.rowsDone {
		b, err := s.snapshot.next(ctx, s.ended)
		if !errors.Is(err, errCopied) {
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

// delivered is how far every sink is, when it holds changes of this stream; else 0, and during a first start, which brings
// nothing until it is whole. Only who calls Next may call it.
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

// hurry makes an idle server tell its position soon, and for a while.
func (s *stream) hurry() {
	s.hurried.Store(time.Now().Add(time.Minute).UnixNano())
	s.socket.Wake()
}

// run starts the goroutine of the socket.
func (s *stream) run(ctx context.Context) {
	ctx, s.cancel = context.WithCancelCause(ctx)
	s.ended = make(chan struct{})
	s.out = make(chan capture.Batch)
	go func() {
		defer close(s.ended)
		s.err = s.receive(ctx)
		if !errors.Is(s.err, capture.ErrRestart) {
			_ = s.conn.Close() // at once: the server may be waiting for it, and whoever serves for something else
		}
	}()
}

// end stops the stream for a reason that Next will return.
func (s *stream) end(why error) {
	s.cancel(why)
	s.socket.Wake()
}

// close ends the stream: receive has returned, the server has been told the last position and has let the slot go, or
// a second has passed.
func (s *stream) close() {
	s.end(capture.ErrRestart)
	<-s.ended
	s.socket.Unwake()
	s.socket.Until(time.Now().Add(farewell))
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
		s.snapshot.abandon()
	}
}

// once gives a function that closes c the first time.
func once(c chan struct{}) func() { return sync.OnceFunc(func() { close(c) }) }
