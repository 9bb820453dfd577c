package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/capture/postgres/snapshot"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// rowCopy is a copy of all rows that runs next to a stream, for a sink that joins it: a snapshot like that of a first
// start, with a slot of its own. That slot gives the snapshot its point, and is dropped when the snapshot is open: the
// permanent slot keeps the WAL, because it is not confirmed beyond the point.
type rowCopy struct {
	snapshot *snapshot.Snapshot
	source   *Source
}

// Copy implements capture.Copier.
func (s *stream) Copy(ctx context.Context, n int, waits func(*capture.Problem)) (capture.Copy, error) {
	return s.rows(ctx, n, waits)
}

// Tables implements capture.Copier.
func (s *stream) Tables() []*capture.Table { return s.publication.Tables() }

// copyRows opens a copy of the tables that a stream with the origin o publishes.
func (s *Source) copyRows(ctx context.Context, o capture.Origin, n int, waits func(*capture.Problem)) (capture.Copy, error) {
	repl, err := s.config.replication(ctx)
	if err != nil {
		return nil, err
	}
	defer hangUp(ctx, repl.Close)
	point, name, err := s.createFor(ctx, repl, slot.CopyName(s.config.Slot, n), waits)
	if err != nil {
		return nil, err
	}
	sn, err := s.openSnapshot(ctx, snapshot.Options{Name: name, Point: point, Origin: o, State: statePending, LastState: stateDone})
	if err != nil {
		return nil, err
	}
	if err := s.describeCopy(ctx, sn, o); err != nil {
		sn.Close()
		return nil, err
	}
	c := &rowCopy{snapshot: sn, source: s}
	s.joining(c, true)
	sn.Start(ctx)
	return c, nil
}

// createFor creates the temporary slot of a copy. An existing slot of that name is left from an earlier attempt, whose
// server process may be waiting for transactions without having noticed that its client is gone: createFor terminates it.
func (s *Source) createFor(ctx context.Context, repl *pgconn.PgConn, slot string, waits func(*capture.Problem)) (
	point capture.LSN, name string, err error,
) {
	for range attemptsOfCopy {
		if point, name, err = s.create(ctx, repl, slot, waits); pgconnect.SQLState(err) != pgconnect.DuplicateObject {
			break
		}
		if err := s.endCopy(ctx, slot); err != nil {
			return 0, "", err
		}
	}
	if err != nil && ctx.Err() != nil {
		_ = s.endCopy(context.WithoutCancel(ctx), slot) // the next attempt repeats it
	}
	return point, name, err
}

// attemptsOfCopy is the number of attempts to create a copy's slot while an earlier one is being terminated.
const attemptsOfCopy = 20

// endCopy terminates the server process that holds the slot of an earlier copy, while the lane's slot is ours.
func (s *Source) endCopy(ctx context.Context, slot string) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	err := s.control.do(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, `SELECT pg_catalog.pg_terminate_backend(c.active_pid)
			FROM pg_catalog.pg_replication_slots c, pg_catalog.pg_replication_slots s
			WHERE c.slot_name = $1 AND c.temporary AND c.active_pid IS NOT NULL AND s.slot_name = $2 AND s.active_pid = $3`,
			slot, s.config.Slot, int32(s.pid))
		return err
	})
	if err != nil {
		return problem.Named("end the slot of an earlier copy", err)
	}
	return capture.Sleep(ctx, 100*time.Millisecond)
}

// errOtherFingerprint is the error of a stream that began with another fingerprint of the publication than the present one.
// The watch detects most changes, but not a column that was added to a table of an unmanaged publication.
var errOtherFingerprint = errors.New("the publication has changed since the stream began")

// describeCopy describes the tables as the snapshot shows them, whose columns may differ from those when the stream began.
// The publication has to be the one that the stream uses.
func (s *Source) describeCopy(ctx context.Context, sn *snapshot.Snapshot, o capture.Origin) error {
	pub, err := s.config.publication().Read(ctx, sn.Conn())
	if err != nil {
		return err
	}
	if pub.Fingerprint.String() != o.Publication {
		return s.config.publication().Changing(errOtherFingerprint)
	}
	lend := func(_ context.Context, use func(*pgx.Conn) error) error { return use(sn.Conn()) }
	r := decode.NewRelations(lend, s.config.keys(), "")
	s.config.reduce(r, pub.Baselines)
	if err := r.Preload(ctx, sn.Conn(), s.config.Publication); err != nil {
		return problem.Named("read tables", err)
	}
	return sn.Describe(ctx, r, pub.Tables)
}

// Point implements capture.Copy.
func (c *rowCopy) Point() capture.LSN { return c.snapshot.Point() }

// Next implements capture.Copy.
func (c *rowCopy) Next(ctx context.Context) (capture.Batch, error) { return c.snapshot.Next(ctx, nil) }

// Close implements capture.Copy.
func (c *rowCopy) Close() {
	c.snapshot.Close()
	c.source.joining(c, false)
}

// joining records for Health that a copy runs, or no longer runs.
func (s *Source) joining(c *rowCopy, runs bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.countedLocked()
	delete(s.copies, c)
	if runs {
		s.copies[c] = struct{}{}
	}
}
