package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// check checks the live server as a start would, and changes nothing.
func (c *Config) check(ctx context.Context) []error {
	conn, err := c.control(ctx)
	if err != nil {
		return []error{err}
	}
	defer hangUp(ctx, conn.Close)
	if _, errs := c.publication().Preflight(ctx, conn); len(errs) > 0 {
		return errs
	}
	// Only a replication connection shows whether pg_hba.conf and max_wal_senders let us in.
	repl, err := c.replication(ctx)
	if err != nil {
		return []error{err}
	}
	defer hangUp(ctx, repl.Close)
	if _, _, err := slot.Identify(ctx, repl, c.Slot); err != nil {
		return []error{err}
	}
	return c.publication().TreeWarnings(ctx, conn)
}

// judgedBy reads what the start rule needs, without a stream. A missing publication counts as an empty one, and a missing
// slot as a new one.
func (c *Config) judgedBy(ctx context.Context, records []capture.Record) (o capture.Origin, sl capture.Slot, known []capture.Comparison,
	err error,
) {
	conn, err := c.control(ctx)
	if err != nil {
		return o, sl, nil, err
	}
	defer hangUp(ctx, conn.Close)
	repl, err := c.replication(ctx)
	if err != nil {
		return o, sl, nil, err
	}
	defer hangUp(ctx, repl.Close)
	if o, _, err = slot.Identify(ctx, repl, c.Slot); err != nil {
		return o, sl, nil, err
	}
	if o.Database, _, err = slot.Database(ctx, conn); err != nil {
		return o, sl, nil, err
	}
	now, exists, err := c.publication().ReadFingerprint(ctx, conn)
	if err != nil {
		return o, sl, nil, err
	}
	if exists {
		o.Publication = now.String()
	}
	row, err := slot.Read(ctx, conn, c.Slot)
	if err != nil {
		return o, sl, nil, err
	}
	if sl.New = row == nil; row != nil {
		sl = capture.Slot{Confirmed: row.Confirmed, End: row.End, Recovering: row.Recovering}
	}
	for _, r := range records {
		var k capture.Comparison
		if exists {
			k.Altered = now.AlteredSince(r.Origin.Publication)
		}
		if row != nil {
			copied(&r, &k)
		}
		if k.Commit, err = slot.FindCommit(ctx, conn, r.Commit); err != nil {
			return o, sl, nil, err
		}
		known = append(known, k)
	}
	return o, sl, known, nil
}

// drop removes the slot, then the publication: in the opposite order the slot would retain WAL that cannot be decoded.
func (c *Config) drop(ctx context.Context, dry bool) ([]string, error) {
	conn, err := c.control(ctx)
	if err != nil {
		return nil, err
	}
	defer hangUp(ctx, conn.Close)
	done, err := c.dropOurSlot(ctx, conn, dry)
	if err != nil {
		return done, err
	}
	line, err := c.publication().Drop(ctx, conn, dry)
	if err != nil || line == "" {
		return done, err
	}
	return append(done, line), nil
}

func (c *Config) dropOurSlot(ctx context.Context, conn *pgx.Conn, dry bool) ([]string, error) {
	s, err := slot.Read(ctx, conn, c.Slot)
	if err != nil || s == nil {
		return nil, err
	}
	if bad := s.DropProblem(); bad != nil {
		return nil, bad
	}
	line := fmt.Sprintf("slot %s, which keeps %d bytes of WAL", c.Slot, s.Retained)
	if dry {
		return []string{line}, nil
	}
	dropped, err := slot.Drop(ctx, conn, c.Slot)
	if !dropped {
		return nil, err
	}
	return []string{line}, nil
}

// hangUp closes a connection within a second, even when ctx has ended.
func hangUp(ctx context.Context, end func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = end(ctx)
}

// Read opens a connection for queries, without a time limit, on which values are printed as in the stream. It also returns
// the name of the publication that the stream carries. The caller closes the connection.
func (s *Settings) Read(ctx context.Context, pipeline string) (*pgconn.PgConn, string, error) {
	c, err := s.Config(pipeline)
	if err != nil {
		return nil, "", err
	}
	conn, err := c.control(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := pgconnect.Exec(ctx, conn, "SET statement_timeout = 0"); err != nil {
		hangUp(ctx, conn.Close)
		return nil, "", problem.Named("prepare connection", err)
	}
	return conn.PgConn(), c.Publication, nil
}
