package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/capture/postgres/snapshot"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// A first start copies all rows under the exported snapshot of a temporary slot, streams on from that slot, and copies the
// slot to the permanent one once every sink has the whole snapshot. So a permanent slot means a finished snapshot; an
// interrupted one leaves nothing on the server and starts again from scratch. docs/decisions/0004 describes the cost.

// first creates a temporary slot on repl and opens its snapshot. It returns the consistent point.
func (s *Source) first(ctx context.Context, repl *pgconn.PgConn, st *stream, pub *publication.Published) (capture.LSN, error) {
	st.slot = slot.TemporaryName(s.config.Slot)
	point, name, err := s.create(ctx, repl, st.slot, func(p *capture.Problem) { s.report(p) })
	if err != nil {
		if pgconnect.SQLState(err) != pgconnect.DuplicateObject {
			s.pid = repl.PID() // its process may still be waiting while it holds the slot
		}
		return 0, s.classifySlotError(ctx, st.slot, err)
	}
	if err := s.unfinished(ctx); err != nil {
		return 0, err
	}
	st.copied = make(chan struct{})
	st.complete = once(st.copied)
	if st.snapshot, err = s.openSnapshot(ctx, snapshot.Options{
		Name: name, Point: point, Origin: st.origin, State: statePending,
	}); err != nil {
		return 0, err
	}
	err = s.trees.Snapshot(ctx, st.snapshot.Conn())
	if err == nil && s.config.Snapshot == SnapshotInitial {
		err = st.snapshot.Describe(ctx, s.relations, pub.Tables)
	}
	if err != nil {
		st.snapshot.Close()
		return 0, err
	}
	return point, nil
}

// create creates a temporary slot and meanwhile reports what that waits for: every running transaction, for hours if
// necessary.
func (s *Source) create(ctx context.Context, repl *pgconn.PgConn, temporary string, waits func(*capture.Problem)) (
	point capture.LSN, name string, err error,
) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pid, done, socket := repl.PID(), make(chan struct{}), conn.Below(repl.Conn())
	socket.Limit = 0
	defer func() { socket.Limit = conn.AnswerTimeout }()
	go func() {
		defer close(done)
		point, name, err = slot.Create(ctx, repl, temporary)
	}()
	check := time.NewTicker(watchPause)
	defer check.Stop()
	for {
		select {
		case <-done:
			return point, name, err
		case <-check.C:
			var wait *capture.Problem
			readErr := s.control.do(ctx, func(c *pgx.Conn) (err error) {
				wait, err = slot.CreateBlocker(ctx, c, s.config.Slot, pid)
				return err
			})
			switch {
			case readErr == nil && wait != nil:
				waits(wait)
			case readErr != nil && pgconnect.SQLState(readErr) == "" && ctx.Err() == nil: // the server does not answer: the slot will not be created either
				cancel()
				<-done
				return 0, "", readErr
			}
		}
	}
}

// unfinished checks, while we hold the temporary slot, that no other daemon has created the permanent one meanwhile.
func (s *Source) unfinished(ctx context.Context) error {
	return s.control.do(ctx, func(c *pgx.Conn) error {
		row, err := slot.Read(ctx, c, s.config.Slot)
		if err == nil && row != nil {
			return fmt.Errorf("%w: slot %s has been created meanwhile", capture.ErrRestart, s.config.Slot)
		}
		return err
	})
}

// openSnapshot opens a snapshot on a connection of its own.
func (s *Source) openSnapshot(ctx context.Context, o snapshot.Options) (*snapshot.Snapshot, error) {
	c, err := s.config.control(ctx)
	if err != nil {
		return nil, err
	}
	conn.Below(c.PgConn().Conn()).Limit = 0 // a filter may skip rows for a long time; the copy ends with the stream
	return snapshot.Open(ctx, c, o, s.log)
}

// Resume implements capture.Stream. An existing slot means a finished snapshot. Without a slot, the sinks' records show
// whether there ever was one. When a lane continues, nothing may be missing between its records and the stream.
func (s *stream) Resume(_ context.Context, records []capture.Record) (fromSnapshot bool, err error) {
	if s.joins.Pass(len(records)); s.snapshot == nil {
		s.accept()
		return false, nil
	}
	if r := s.config.beyond(records); r != nil {
		p := slot.Missing(s.config.Slot, nil)
		p.Reason += fmt.Sprintf("; sink %s has everything up to %s", r.Sink, r.Position)
		return false, p
	}
	s.accept() // from now on the publication is checked
	s.snapshot.Start(s.life)
	s.background.Go(func() { s.finishFirstStart(s.life) })
	return true, nil
}

// finishFirstStart waits until every sink has the snapshot, copies the temporary slot to the permanent one, and lets the
// stream start again from that.
func (s *stream) finishFirstStart(ctx context.Context) {
	select {
	case <-s.copied:
	case <-ctx.Done():
		return
	}
	if err := s.promoteSlot(ctx); err != nil {
		s.end(slot.CreateError(s.config.Slot, err))
		return
	}
	s.promoted.Store(true)
	s.end(capture.ErrRestart)
}

// promoteSlot copies the temporary slot to the permanent one.
func (s *stream) promoteSlot(ctx context.Context) error {
	err := s.control.do(ctx, func(c *pgx.Conn) error {
		// One statement, so that it runs only while our walsender holds the temporary slot.
		_, err := c.Exec(ctx, `SELECT pg_catalog.pg_copy_logical_replication_slot(slot_name, $2, false)
			FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND active_pid = $3`, s.slot, s.config.Slot, s.pid)
		return err
	})
	if err != nil || !s.config.Failover {
		return err
	}
	return s.config.makeFailover(ctx)
}
