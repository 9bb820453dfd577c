package postgres

import (
	"context"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/joined"
	"github.com/tailrace/tailrace/capture/postgres/slot"
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

// readForStartRule reads what the start rule needs, without a stream. A missing publication counts as an empty one, and a missing
// slot as a new one.
func (c *Config) readForStartRule(ctx context.Context, records []capture.Record) (o capture.Origin, sl capture.Slot, known []capture.Comparison,
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
		if row != nil && exists {
			list, err := joined.Since(ctx, conn, joinsOf(&r), &now)
			if err != nil {
				return o, sl, nil, err
			}
			if list != recordedJoins(r.State) {
				if k.State == nil {
					k.State = restated(r.State)
				}
				k.State = withJoins(k.State, list)
			}
		}
		if k.Commit, err = slot.FindCommit(ctx, conn, r.Commit); err != nil {
			return o, sl, nil, err
		}
		known = append(known, k)
	}
	return o, sl, known, nil
}
