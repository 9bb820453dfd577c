package cache

import (
	"context"
	"errors"
	"strings"

	"github.com/tailrace/tailrace/cache/protocol"
)

// Proof is how the cache makes sure, before load, that the database shows every commit that has invalidated a key. It names the
// server that load reads.
type Proof struct {
	db      DB
	kind    proofKind
	session bool  // a transaction may be open in it
	args    []any // replica: the pipeline and its sink
}

type proofKind uint8

const (
	primary proofKind = iota + 1
	standby
	replica
)

func (p Proof) apply(s *settings) { s.proof = p }

func newProof(kind proofKind, db DB, args ...any) Proof {
	return Proof{db: db, kind: kind, session: db != nil && db.IsSession(), args: args}
}

// OnPrimary is for a load that reads the source's primary. A miss costs a query only while a commit that has invalidated its key may
// not be visible yet.
func OnPrimary(db DB) Proof { return newProof(primary, db) }

// OnStandby is for a load that reads a physical standby, one only. Every miss costs a query. Nothing is stored while the daemon's
// heartbeat is missing. A standby that was promoted is treated as a primary.
func OnStandby(db DB) Proof { return newProof(standby, db) }

// OnReplica is for a load that reads a replica which a postgres sink of a pipeline writes. That pipeline has the same source as the
// one that invalidates. Every miss costs a query, which needs USAGE on the schema tailrace and SELECT on tailrace.progress. Nothing is
// stored while the daemon's heartbeat is missing.
func OnReplica(db DB, pipeline, sink string) Proof {
	return newProof(replica, db, pipeline, sink)
}

// view is what a statement has shown that ended before load begins.
type view struct {
	byLSN    bool     // reached counts, not snapshot
	snapshot snapshot // of a primary
	reached  LSN      // by a standby or a replica; 0: nothing
}

const sessionState = `pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL, pg_catalog.current_setting('transaction_isolation')`

const serverQuery = `SELECT ` + sessionState + `, pg_catalog.pg_is_in_recovery(), pg_catalog.pg_current_snapshot()::pg_catalog.text,
	COALESCE(pg_catalog.pg_last_wal_replay_lsn(), '0/0')::pg_catalog.text`

const replicaQuery = `SELECT ` + sessionState + `, COALESCE((SELECT CASE WHEN pg_catalog.count(*) = pg_catalog.count(position)
	THEN pg_catalog.min(position) END FROM tailrace.progress WHERE pipeline = $1 AND sink = $2), '0/0')::pg_catalog.text`

// needsQuery reports whether granted leases cannot be proven without the database.
func (p Proof) needsQuery(leases []protocol.Lease) bool {
	if p.kind != primary || p.session {
		return true
	}
	for i := range leases {
		if unsettled(leases[i].Key) || unsettled(leases[i].Namespace) {
			return true
		}
	}
	return false
}

func unsettled(t protocol.Section) bool { return len(t.XIDs) > 0 || t.Overflow > 0 }

// view asks the database, after the leases were granted and before load. A reason means that nothing may be stored.
func (p Proof) view(ctx context.Context) (v view, refused Reason, err error) {
	var wrote, inRecovery bool
	var isolation, snapshotText, lsn string
	if p.db == nil {
		return v, ProofFailed, errors.New("the proof names no database")
	}
	if p.kind == replica {
		v.byLSN = true
		err = p.db.QueryRow(ctx, replicaQuery, p.args, &wrote, &isolation, &lsn)
	} else {
		err = p.db.QueryRow(ctx, serverQuery, nil, &wrote, &isolation, &inRecovery, &snapshotText, &lsn)
	}
	switch {
	case err != nil:
		return v, ProofFailed, err
	case wrote:
		return v, OwnWrites, nil
	case p.session && !strings.HasPrefix(isolation, "read "): // read uncommitted is read committed
		return v, OldSnapshot, nil
	case inRecovery && p.kind == primary:
		return v, NotAPrimary, nil // its snapshots lack transactions that are in progress
	}
	v.byLSN = v.byLSN || inRecovery
	if v.byLSN {
		v.reached, err = parseLSN(lsn)
	} else {
		v.snapshot, err = parseSnapshot(snapshotText)
	}
	if err != nil {
		return v, ProofFailed, err
	}
	return v, "", nil
}

// refuses returns why what is read after the view may lack a commit; "": it lacks none that the lease lists.
func (v view) refuses(l *protocol.Lease) Reason {
	h := l.Heartbeat
	switch {
	case !v.byLSN:
		if !v.snapshot.showsSection(l.Key) || !v.snapshot.showsSection(l.Namespace) {
			return NotVisible
		}
	case h.Epoch == "", h.Epoch < l.Key.Epoch, h.Epoch < l.Namespace.Epoch: // none, or one of a former history
		return NoHeartbeat
	case v.reached < max(l.Key.LSN, l.Namespace.LSN, h.Floor):
		return NotReplayed
	}
	return ""
}

// wrote reports whether the session has written meanwhile, so that load may have read its own uncommitted rows.
func (p Proof) wrote(ctx context.Context) (Reason, error) {
	if !p.session {
		return "", nil
	}
	var wrote bool
	err := p.db.QueryRow(ctx, "SELECT pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL", nil, &wrote)
	switch {
	case err != nil:
		return ProofFailed, err
	case wrote:
		return OwnWrites, nil
	}
	return "", nil
}
