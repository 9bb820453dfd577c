package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// check checks the live server as a start would, and changes nothing.
func (c *Config) check(ctx context.Context) []error {
	conn, err := c.control(ctx)
	if err != nil {
		return []error{err}
	}
	defer hangUp(ctx, conn.Close)
	if _, errs := c.preflight(ctx, conn); len(errs) > 0 {
		return errs
	}
	// Only a replication connection shows whether pg_hba.conf and max_wal_senders let us in.
	repl, err := c.replication(ctx)
	if err != nil {
		return []error{err}
	}
	defer hangUp(ctx, repl.Close)
	if _, _, err := c.identify(ctx, repl); err != nil {
		return []error{err}
	}
	return c.treeWarnings(ctx, conn)
}

// judgedBy reads what the start rule needs, without a stream. A missing publication counts as an empty one, and a missing
// slot as a new one.
func (c *Config) judgedBy(ctx context.Context, records []capture.Record) (o capture.Origin, slot capture.Slot, known []capture.Comparison,
	err error,
) {
	conn, err := c.control(ctx)
	if err != nil {
		return o, slot, nil, err
	}
	defer hangUp(ctx, conn.Close)
	repl, err := c.replication(ctx)
	if err != nil {
		return o, slot, nil, err
	}
	defer hangUp(ctx, repl.Close)
	if o, _, err = c.identify(ctx, repl); err != nil {
		return o, slot, nil, err
	}
	if o.Database, _, err = c.database(ctx, conn); err != nil {
		return o, slot, nil, err
	}
	now, err := c.presentEdition(ctx, conn)
	if err != nil {
		return o, slot, nil, err
	}
	if now != nil {
		o.Publication = now.String()
	}
	row, err := c.readSlot(ctx, conn, c.Slot)
	if err != nil {
		return o, slot, nil, err
	}
	if slot.New = row == nil; row != nil {
		slot = capture.Slot{Confirmed: row.Confirmed, End: row.End, Recovering: row.Recovering}
	}
	for _, r := range records {
		var k capture.Comparison
		if was, is := parseEdition(r.Origin.Publication); is && now != nil {
			k.Altered = now.altered(&was, true)
		}
		if row != nil {
			copied(&r, &k)
		}
		if row != nil && now != nil {
			if err := c.recordJoins(ctx, conn, &r, now, &k); err != nil {
				return o, slot, nil, err
			}
		}
		if k.Commit, err = c.knows(ctx, conn, r.Commit); err != nil {
			return o, slot, nil, err
		}
		known = append(known, k)
	}
	return o, slot, known, nil
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
	d, err := c.define(ctx, conn)
	if err != nil || d == nil {
		return done, err
	}
	line := "publication " + c.Publication
	if !c.Manage || d.All {
		return append(done, "left: "+line+", which is not ours"), nil
	}
	if !dry {
		if err := exec(ctx, conn, "DROP PUBLICATION IF EXISTS "+ident(c.Publication)); err != nil {
			return done, c.named("drop publication "+c.Publication, err)
		}
	}
	return append(done, line), nil
}

func (c *Config) dropOurSlot(ctx context.Context, conn *pgx.Conn, dry bool) ([]string, error) {
	s, err := c.readSlot(ctx, conn, c.Slot)
	if err != nil || s == nil {
		return nil, err
	}
	if bad := c.notOurs(s); bad != nil {
		return nil, bad
	}
	line := fmt.Sprintf("slot %s, which keeps %d bytes of WAL", c.Slot, s.Retained)
	if dry {
		return []string{line}, nil
	}
	dropped, err := c.dropSlot(ctx, conn)
	if !dropped {
		return nil, err
	}
	return []string{line}, nil
}

// notOurs returns why a slot must not be dropped.
func (c *Config) notOurs(s *slotState) *capture.Problem {
	switch {
	case s.Type != "logical" || !s.Here || s.Plugin != "pgoutput" || s.Temporary:
		return c.slotProblem(s)
	case s.Active:
		return c.slotHeld(s)
	}
	return nil
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
	if err := exec(ctx, conn, "SET statement_timeout = 0"); err != nil {
		hangUp(ctx, conn.Close)
		return nil, "", c.named("prepare connection", err)
	}
	return conn.PgConn(), c.Publication, nil
}
