package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/bufpool"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// receive runs in the socket's goroutine: steps 1 to 4 of the way of one row.
func (s *stream) receive(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("panic", zap.Any("value", r), zap.ByteString("stack", debug.Stack()))
			err = capture.Panicked("a message of the stream", r)
		}
	}()
	if err := s.tick(time.Now()); err != nil {
		return err
	}
	for {
		m, err := s.frames.Next()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, os.ErrDeadlineExceeded):
		case err != nil:
			return problem.Named("read stream", err)
		default:
			if err := s.message(ctx, m); err != nil {
				if ctx.Err() != nil {
					return context.Cause(ctx) // it was cancelled in the middle of a catalogue query
				}
				return s.handBefore(ctx, err)
			}
		}
		if err := s.pass(ctx); err != nil {
			return err
		}
	}
}

// pass does what is due when no more messages wait in memory, and hands over the batch if it is due. Inside a transaction that is
// decided when the next message arrives: see data.
func (s *stream) pass(ctx context.Context) error {
	ready := s.frames.Ready()
	if !ready {
		if err := s.tick(time.Now()); err != nil {
			return err
		}
	}
	if s.asm.Complete() && (s.asm.Full() || !ready) {
		return s.hand(ctx, s.asm.Take())
	}
	return nil
}

// hand passes a batch to the caller of Next, however long that takes, and continues to send status updates. It reads
// nothing meanwhile, so a dead server is detected in two other ways, both within about the time that tick allows: its
// kernel no longer acknowledges status updates (Unanswered, within patience, and the next update fails), or it does not
// answer on the control connection either (watch, within quiet pulses and patience). The latter is counted in pulses that
// fired; otherwise a daemon that was suspended would mistake its own pause for the server's.
func (s *stream) hand(ctx context.Context, b capture.Batch) error {
	defer s.socket.HandedOver()
	select {
	case s.out <- b:
		return nil
	default:
	}
	due := time.NewTicker(s.pulse)
	defer due.Stop()
	defer s.socket.Paused()
	var silent time.Duration
	answers := s.answers.Load()
	for {
		select {
		case s.out <- b:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case now := <-due.C:
			if err := s.send(now, false); err != nil {
				return err
			}
			if n := s.answers.Load(); n != answers {
				answers, silent = n, 0
			}
			if silent += s.pulse; silent > quiet*s.pulse+s.patience {
				return &capture.Problem{State: "source_unreachable", Reason: fmt.Sprintf("the server has not answered for %s on the "+
					"control connection, and the stream is not being read", silent.Round(time.Second))}
			}
		}
	}
}

// handBefore hands over what precedes a change at which the stream halts, and waits a moment until the sinks have it, because the end of
// the stream stops them. It returns the error.
func (s *stream) handBefore(ctx context.Context, err error) error {
	if p := capture.AsProblem(err); p == nil || !p.Halted || !s.asm.Pending() {
		return err
	}
	b := s.asm.Take()
	if failed := s.hand(ctx, b); failed != nil {
		return failed
	}
	for deadline := time.Now().Add(haltGrace); time.Now().Before(deadline) && s.flush.Load() < uint64(b.End.Flush()); {
		if s.tick(time.Now()) != nil || capture.Sleep(ctx, 10*time.Millisecond) != nil {
			break
		}
	}
	return err
}

// haltGrace is how long a stream that halts waits for the sinks.
const haltGrace = time.Second

// withKeepalives calls f, which may wait for the control connection, and continues to send status updates.
func (s *stream) withKeepalives(f func() error) error {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		due := time.NewTicker(s.pulse)
		defer due.Stop()
		for {
			select {
			case <-stop:
				return
			case now := <-due.C:
				if s.send(now, false) != nil {
					return // the next read returns the error
				}
			}
		}
	}()
	defer func() {
		close(stop)
		<-stopped
		s.socket.Paused()
	}()
	return f()
}

// message handles one message of the wire protocol.
func (s *stream) message(ctx context.Context, m conn.Frame) error {
	switch m.Kind {
	case 'd':
		return s.data(ctx, m)
	case 'E':
		return s.refused(ctx, m.Body)
	case 'N':
		return s.notice(ctx, m.Body)
	case 'c', 'C', 'Z':
		return &capture.Problem{State: "source_stopping", Reason: "the server has ended the stream"}
	case 'S', 'A':
		return nil // a setting, a notification
	default:
		return fmt.Errorf("read stream: a message %q inside the stream", m.Kind)
	}
}

// walHead is the length of an XLogData header: two positions, neither of which is a Position, and a time.
const walHead = 24

func (s *stream) data(ctx context.Context, m conn.Frame) error {
	if len(m.Body) == 0 {
		return fmt.Errorf("read stream: empty data")
	}
	switch body := m.Body[1:]; m.Body[0] {
	case 'k':
		s.sent(body, 8)
		return s.handleKeepalive(body, time.Now())
	case 'w':
		if len(body) < walHead {
			return fmt.Errorf("read stream: WAL data of %d bytes", len(body))
		}
		s.sent(body, walHead-8)
		return s.wal(ctx, capture.LSN(binary.BigEndian.Uint64(body)), body[walHead:], m.Own)
	default:
		return fmt.Errorf("read stream: data of kind %q", m.Body[0])
	}
}

// wal handles a message of pgoutput about the record at a position of the log. It hands over a full batch before it adds the message.
func (s *stream) wal(ctx context.Context, at capture.LSN, msg []byte, own *bufpool.Buffer) error {
	s.status.received = max(s.status.received, at)
	s.status.idle = false
	if len(msg) == 0 {
		return s.asm.Add(ctx, msg, own)
	}
	kind := pgoutput.Kind(msg[0])
	if s.asm.Next(kind, at) {
		if err := s.hand(ctx, s.asm.Take()); err != nil {
			return err
		}
	}
	if s.asm.NeedsControl(kind) {
		return s.withKeepalives(func() error { return s.asm.Add(ctx, msg, own) })
	}
	return s.asm.Add(ctx, msg, own)
}

// sent tells the socket when the server sent a message, if it needs to know. The time is at offset at of the body.
func (s *stream) sent(body []byte, at int) {
	if s.socket.WantsSent() && len(body) >= at+8 {
		us := int64(binary.BigEndian.Uint64(body[at:]))
		s.socket.Sent(time.UnixMicro(us + postgresEpoch.UnixMicro()))
	}
}

// stalled records that the connection stalled. It is logged once per connection.
func (s *stream) stalled(remedy string) {
	s.stalls.Add(1)
	if s.stallTold {
		return
	}
	s.stallTold = true
	s.log.Warn("the stream stalled: the server's kernel held back what the walsender had sent", zap.String("remedy", remedy))
}

// refused returns the named problem of a server's error, using the slot's row.
func (s *stream) refused(ctx context.Context, body []byte) error {
	var m pgproto3.ErrorResponse
	if err := m.Decode(body); err != nil {
		return fmt.Errorf("read error of the server: %w", err)
	}
	return s.startError(ctx, pgconn.ErrorResponseToPgError(&m))
}

func (s *stream) startError(ctx context.Context, err error) error {
	var row *slot.State
	if err := s.control.do(ctx, func(c *pgx.Conn) (err error) {
		row, err = slot.Read(ctx, c, s.slot)
		return err
	}); err != nil {
		s.log.Debug("read slot after an error", zap.Error(err))
		return problem.Named("stream slot "+s.slot, err)
	}
	return s.config.startError(err, row)
}

// notice looks for the notice that means lost rows: since 18 a walsender whose publication is missing skips its changes and
// reports that only here. The text is translated, and other notices have the same code, such as those about
// synchronized_standby_slots, which come every second while a standby is away. The name of the server's function
// distinguishes them.
func (s *stream) notice(ctx context.Context, body []byte) error {
	var m pgproto3.NoticeResponse
	if err := m.Decode(body); err != nil {
		return fmt.Errorf("read notice of the server: %w", err)
	}
	s.log.Debug("notice", zap.String("code", m.Code), zap.String("text", m.Message))
	switch {
	case m.Code != pgconnect.ObjectNotInPrerequisiteState, m.Routine == "StandbySlotsHaveCaughtup":
		return nil
	case m.Routine != "LoadPublications": // an unknown function: ask the catalogue
		if exists, err := s.publicationExists(ctx); exists || err != nil {
			return err
		}
	}
	return s.config.publication().Missing(errors.New(m.Message))
}

// publicationExists reads from the catalogue whether the publication exists.
func (s *stream) publicationExists(ctx context.Context) (exists bool, err error) {
	err = s.withKeepalives(func() error {
		return s.control.do(ctx, func(c *pgx.Conn) (err error) {
			exists, err = s.config.publication().Exists(ctx, c)
			return err
		})
	})
	return exists, err
}
