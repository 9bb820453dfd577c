package decode

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// at returns the catalogue's description of a table as of the time when the transaction xid wrote the row that a message
// precedes. It reads the catalogue if nothing was read since. false: the table is gone, and was never read.
func (r *Relations) at(ctx context.Context, xid uint32, m *pgoutput.Relation) (d description, exists bool, err error) {
	after, before, exact := r.read.at(m.ID, xid)
	if after == nil {
		seen, err := r.readTable(ctx, xid, m)
		if err != nil {
			return d, false, err
		}
		if after, before, exact = r.read.at(m.ID, xid); after == nil {
			return lost(before, m, seen), before != nil, nil
		}
	}
	if exact {
		return after.description, true, nil
	}
	return after.solve(m, before, xid, func(x uint32) bool {
		return r.read.old(x, after.first) || r.ended.has(x)
	}), true, nil
}

// lost returns what is known of a table that could not be read since the transaction: the table is gone, or the transaction
// is not visible. In the latter case the previous version applies if it has the message's columns.
func lost(before *version, m *pgoutput.Relation, gone bool) description {
	if before == nil {
		return description{}
	}
	d := before.description
	if !gone && d.equal(m) {
		return d
	}
	d.columns = slices.Clone(d.columns)
	for i := range d.columns {
		d.columns[i].Number = 0
	}
	return d
}

// old reports whether a transaction that wrote rows visible in a snapshot had ended before the first transaction of the
// stream.
func (v *versions) old(xid uint32, s *catalogSnapshot) bool {
	return v.from != 0 && (pgconnect.XIDPrecedes(xid, v.from) || !pgconnect.XIDPrecedes(xid, s.xmax))
}

// finishedBefore returns a transaction id: every transaction before it had ended when the first transaction of a slot's
// stream committed. 0: the slot does not exist yet.
func finishedBefore(ctx context.Context, conn *pgx.Conn, slot string) (from uint32, err error) {
	err = conn.QueryRow(ctx, `SELECT s.catalog_xmin::pg_catalog.text::pg_catalog.int8 FROM pg_catalog.pg_replication_slots s
		WHERE s.slot_name = $1 AND s.catalog_xmin IS NOT NULL`, slot).Scan(&from)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		err = fmt.Errorf("read slot %s: %w", slot, err)
	}
	return from, err
}

// readTable reads a table after the transaction xid, and reads many at once when many are requested in a row. false: the
// transaction does not become visible.
func (r *Relations) readTable(ctx context.Context, xid uint32, m *pgoutput.Relation) (seen bool, err error) {
	all, oid := r.burst.due(time.Now()), m.ID
	err = r.control(ctx, func(conn *pgx.Conn) error {
		for waited := false; ; waited = true {
			if all {
				began := time.Now()
				if err := r.compare(ctx, conn, xid); err != nil {
					return err
				}
				r.burst.record(time.Since(began), time.Now())
				if v, _, _ := r.read.at(oid, xid); v != nil {
					seen = true
					return r.compareTypes(ctx, conn, m, v.description)
				}
			}
			now, err := tables(ctx, conn, []uint32{oid})
			if err != nil {
				return err
			}
			if seen = now.text == "" && waited || now.arrived(xid); seen || waited {
				r.learn(now)
				return r.compareTypes(ctx, conn, m, now.tables[oid])
			}
			if err := awaitVisible(ctx, conn, xid, r.wait); err != nil {
				return err
			}
			all = false
		}
	})
	return seen, err
}

// compareTypes reads the unknown types of a table, or all of them when a type was altered.
func (r *Relations) compareTypes(ctx context.Context, conn *pgx.Conn, m *pgoutput.Relation, d description) error {
	if altered, err := r.typeWatch.compare(ctx, conn); err != nil {
		return err
	} else if altered {
		if err := r.retype(ctx, conn); err != nil {
			return err
		}
	}
	return r.readTypes(ctx, conn, columnTypes(m, d))
}

// compare reads the fingerprints of all tables.
func (r *Relations) compare(ctx context.Context, conn *pgx.Conn, xid uint32) error {
	all, err := fingerprints(ctx, conn, r.read.oids())
	if err != nil {
		return err
	}
	all.arrived(xid)
	r.learn(all)
	return nil
}

// watch keeps the versions close to the catalogue, so that a row that follows a change lies between two readings that are
// close to each other. It uses a small part of the time.
func (v *versions) watch(ctx context.Context, conn *pgx.Conn) error {
	if time.Now().Before(v.next) {
		return nil
	}
	began := time.Now()
	err := v.refresh(ctx, conn)
	v.next = time.Now().Add(watchShare * time.Since(began))
	return err
}

const watchShare = 100

// refresh reads again all tables that have changed.
func (v *versions) refresh(ctx context.Context, conn *pgx.Conn) error {
	all, err := fingerprints(ctx, conn, v.oids())
	if err != nil {
		return err
	}
	changed := v.add(all)
	if len(changed) == 0 {
		return nil
	}
	now, err := tables(ctx, conn, changed)
	if err == nil {
		v.add(now)
	}
	return err
}

// arrived reports whether a reading saw a transaction that the stream had delivered before. A reading on a standby always
// did: what is decoded there was replayed before.
func (r *catalogView) arrived(xid uint32) bool {
	if r.text == "" {
		return false
	}
	if r.snapshot.standby && !r.snapshot.sees(xid) {
		r.snapshot.also = append(r.snapshot.also, xid)
	}
	return r.snapshot.sees(xid)
}

// learn takes over a reading, and registers the transactions that may not have ended yet at the stream's position.
func (r *Relations) learn(now *catalogView) {
	for _, d := range now.tables {
		for _, all := range [][]attr{d.columns, d.dropped} {
			for i := range all {
				if x := all[i].XID; !r.read.old(x, &now.snapshot) {
					r.ended.want(x)
				}
			}
		}
	}
	r.read.add(now)
}

// burst decides when all tables are read at once: when several are requested in a row, and for a small part of the time.
type burst struct {
	pause time.Duration // a run ends after it
	asked time.Time     // when a table was last requested
	run   int
	read  time.Time // when all tables were last read
	cost  time.Duration
}

const (
	burstPause = 100 * time.Millisecond
	burstRun   = 3
	burstShare = 20
)

func (b *burst) due(now time.Time) bool {
	if now.Sub(b.asked) > b.pause {
		b.run = 0
	}
	b.run++
	b.asked = now
	return b.run > burstRun && now.Sub(b.read) > burstShare*b.cost
}

func (b *burst) record(cost time.Duration, now time.Time) { b.cost, b.read = cost, now }
