package postgres

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// rowCopy is a copy of all rows beside a stream, for a sink that joins it: a snapshot as that of a first start, under a slot of
// its own. That slot gives the snapshot its point and is gone when the snapshot is open: the lasting one keeps the WAL, since it
// is not confirmed beyond the point.
type rowCopy struct {
	*snapshot
	source *Source
	stop   context.CancelFunc
	closed sync.Once
}

// Copy implements capture.Copier.
func (s *stream) Copy(ctx context.Context, n int, waits func(*capture.Problem)) (capture.Copy, error) {
	return s.rows(ctx, n, waits)
}

// Tables implements capture.Copier.
func (s *stream) Tables() []*capture.Table { return s.tables }

// copyRows opens a copy of what a stream of an origin publishes.
func (s *Source) copyRows(ctx context.Context, o capture.Origin, n int, waits func(*capture.Problem)) (capture.Copy, error) {
	repl, err := s.config.replication(ctx)
	if err != nil {
		return nil, err
	}
	defer hangUp(ctx, repl.Close)
	point, name, err := s.createFor(ctx, repl, copySlot(s.config.Slot, n), waits)
	if err != nil {
		return nil, err
	}
	sn, err := s.openSnapshot(ctx, o, point, name)
	if err != nil {
		return nil, err
	}
	if err := sn.describeAs(ctx, o); err != nil {
		sn.close()
		return nil, err
	}
	sn.last, sn.started = stateDone, true
	ctx, stop := context.WithCancel(ctx)
	c := &rowCopy{snapshot: sn, source: s, stop: stop}
	s.joining(c, true)
	go sn.run(ctx)
	return c, nil
}

// copySlot is the name of the slot of a copy. Only the daemon that holds the slot itself makes one.
func copySlot(slot string, n int) string { return slot + "_copy" + strconv.Itoa(n) }

// createFor makes the temporary slot of a copy. One of that name is what an earlier attempt left, which may be waiting for
// transactions and not know that its client is gone: it is ended.
func (s *Source) createFor(ctx context.Context, repl *pgconn.PgConn, slot string, waits func(*capture.Problem)) (
	point capture.LSN, name string, err error,
) {
	for range attemptsOfCopy {
		if point, name, err = s.create(ctx, repl, slot, waits); sqlstate(err) != pgconnect.DuplicateObject {
			break
		}
		if err := s.endCopy(ctx, slot); err != nil {
			return 0, "", err
		}
	}
	if err != nil && ctx.Err() != nil {
		_ = s.endCopy(context.WithoutCancel(ctx), slot) // the next attempt does it, too
	}
	return point, name, err
}

// attemptsOfCopy is how often a copy's slot is tried while an earlier one is being ended.
const attemptsOfCopy = 20

// endCopy ends the process of the server that holds the slot of an earlier copy, while the lane's slot is ours.
func (s *Source) endCopy(ctx context.Context, slot string) error {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	err := s.side.do(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, `SELECT pg_catalog.pg_terminate_backend(c.active_pid)
			FROM pg_catalog.pg_replication_slots c, pg_catalog.pg_replication_slots s
			WHERE c.slot_name = $1 AND c.temporary AND c.active_pid IS NOT NULL AND s.slot_name = $2 AND s.active_pid = $3`,
			slot, s.config.Slot, int32(s.pid))
		return err
	})
	if err != nil {
		return s.config.named("end the slot of an earlier copy", err)
	}
	return capture.Sleep(ctx, 100*time.Millisecond)
}

// errOtherEdition is that a stream began with another edition of the publication than there is now. The watch sees most of that,
// but not a column that was added to a table of an administrator's publication.
var errOtherEdition = errors.New("the stream began with another edition")

// describeAs describes the tables as the snapshot shows them, whose columns may be others than when the stream began. What is
// published has to be what the stream publishes.
func (sn *snapshot) describeAs(ctx context.Context, o capture.Origin) error {
	pub := &published{}
	if err := sn.config.look(ctx, sn.conn, pub); err != nil {
		return err
	}
	if pub.Edition.String() != o.Publication {
		return sn.config.publicationChanging(errOtherEdition)
	}
	lend := func(_ context.Context, use func(*pgx.Conn) error) error { return use(sn.conn) }
	r := newRelations(lend, sn.config.keys())
	if err := r.preload(ctx, sn.conn, sn.config.Publication); err != nil {
		return sn.config.named("read tables", err)
	}
	return sn.describeAll(ctx, r, pub)
}

// Point implements capture.Copy.
func (c *rowCopy) Point() capture.LSN { return c.point }

// Next implements capture.Copy.
func (c *rowCopy) Next(ctx context.Context) (capture.Batch, error) { return c.next(ctx, nil) }

// Close implements capture.Copy.
func (c *rowCopy) Close() {
	c.closed.Do(func() {
		c.stop()
		for range c.out { // what run is about to hand out
		}
		<-c.ended
		c.source.joining(c, false)
	})
}

// joining notes a copy that runs, or runs no more, for the Health.
func (s *Source) joining(c *rowCopy, runs bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counted()
	delete(s.copies, c)
	if runs {
		s.copies[c] = struct{}{}
	}
}
