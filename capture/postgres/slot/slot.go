package slot

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// namePattern matches what Postgres accepts; commands on a replication connection contain the name unquoted.
var namePattern = regexp.MustCompile(`^[a-z0-9_]+$`)

// The bounds of names, in bytes: of Postgres, and of the names that leave room for TemporaryName and CopyName.
const (
	maxName     = 63
	maxMainName = maxName - len(temporarySuffix)
)

// ValidName reports whether a pipeline's slot can have a name.
func ValidName(slot string) bool { return namePattern.MatchString(slot) && len(slot) <= maxMainName }

// TemporaryName returns the name of the slot of a first start. Two daemons of one pipeline use the same name, so only one
// succeeds.
func TemporaryName(slot string) string { return slot + temporarySuffix }

const temporarySuffix = "_snapshot"

// CopyName returns the name of the slot of the nth copy of all rows. Only the daemon that holds the main slot creates one.
func CopyName(slot string, n int) string { return slot + "_copy" + strconv.Itoa(n) }

// State is a slot's row in pg_replication_slots. Sizes are bytes.
type State struct {
	Name      string
	Plugin    string
	Type      string // logical, physical
	Database  string
	Here      bool // Database is the one we are connected to
	Temporary bool
	Active    bool
	PID       int32 // of the process that holds it; 0: none
	Restart   capture.LSN
	Confirmed capture.LSN
	WALStatus string // reserved, extended, unreserved, lost
	Safe      int64  // WAL that may still be written before the slot is lost; -1: no limit, or unknown
	Retained  int64  // WAL that the slot keeps
	TwoPhase  bool
	Failover  bool   // 17+
	Invalid   string // the reason of invalidation, in one word on 17+; "": it is valid
	End       capture.LSN
	// Recovering reports whether the server is a standby, or is being restored from an archive.
	Recovering bool
}

// Read reads a slot's row, in one query with the end of the WAL; it returns nil when there is no such slot. Through
// to_jsonb, columns that a server does not have are null.
func Read(ctx context.Context, conn *pgx.Conn, name string) (*State, error) {
	s := State{Name: name}
	err := conn.QueryRow(ctx, `
		SELECT coalesce(plugin, ''), slot_type, coalesce(database, ''), coalesce(database = current_database(), false),
			temporary, active, coalesce(active_pid, 0),
			coalesce(restart_lsn - '0/0', 0)::bigint, coalesce(confirmed_flush_lsn - '0/0', 0)::bigint,
			coalesce(wal_status, ''), coalesce(safe_wal_size, -1), coalesce(e.lsn - restart_lsn, 0)::bigint,
			coalesce((j->>'two_phase')::bool, false), coalesce((j->>'failover')::bool, false),
			coalesce(j->>'invalidation_reason', CASE WHEN wal_status = 'lost' THEN 'wal_removed'
				WHEN (j->>'conflicting')::bool THEN 'conflicting' ELSE '' END),
			(e.lsn - '0/0')::bigint, pg_is_in_recovery()
		FROM pg_replication_slots s, to_jsonb(s) j,
			(SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END) e(lsn)
		WHERE slot_name = $1`, name).Scan(&s.Plugin, &s.Type, &s.Database, &s.Here, &s.Temporary, &s.Active, &s.PID,
		&s.Restart, &s.Confirmed, &s.WALStatus, &s.Safe, &s.Retained, &s.TwoPhase, &s.Failover, &s.Invalid, &s.End,
		&s.Recovering)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, problem.Named("read slot "+name, err)
	}
	return &s, nil
}

// Health returns the text of Health.Slot.
func (s *State) Health() string {
	switch {
	case s.Invalid != "":
		return "lost"
	case s.WALStatus == "unreserved" || s.WALStatus == "extended":
		return s.WALStatus
	case s.Active:
		return "active"
	}
	return "inactive"
}

// Create creates a temporary slot, after the publication, and returns where its changes begin and the name of the
// snapshot that shows everything before. The snapshot lives until the next command on the connection or until the
// connection ends. Create waits for every transaction that is running, for hours if necessary; when ctx ends first, no
// slot is created.
func Create(ctx context.Context, repl *pgconn.PgConn, slot string) (start capture.LSN, snapshot string, err error) {
	if !namePattern.MatchString(slot) || len(slot) > maxName {
		return 0, "", fmt.Errorf("create slot: %q is not the name of a slot", slot)
	}
	options := "(SNAPSHOT 'export')"
	if pgconnect.Major(repl) < 15 {
		options = "EXPORT_SNAPSHOT"
	}
	r, err := pglogrepl.ParseCreateReplicationSlot(
		repl.Exec(ctx, fmt.Sprintf("CREATE_REPLICATION_SLOT %s TEMPORARY LOGICAL pgoutput %s", slot, options)))
	switch pgconnect.SQLState(err) {
	case pgconnect.DuplicateObject:
		err = &capture.Problem{
			State: "slot_active", Err: err,
			Reason: fmt.Sprintf("another process is creating slot %s", slot),
		}
	case pgconnect.ObjectNotInPrerequisiteState:
		err = &capture.Problem{
			State: "source_not_ready", Halted: true, Usage: true, Err: err,
			Reason: "the server cannot create a logical slot", Fix: "`tailrace check` names the setting that is missing",
		}
	}
	if err != nil {
		return 0, "", CreateError(slot, err)
	}
	start, err = capture.ParseLSN(r.ConsistentPoint)
	return start, r.SnapshotName, err
}

// CreateError names the error of a statement that creates a slot: the limit that such a statement exceeds is that of slots. It returns
// nil when err is nil.
func CreateError(slot string, err error) error {
	if pgconnect.SQLState(err) == pgconnect.ConfigurationLimitExceeded {
		err = &capture.Problem{
			State: "slots_exhausted", Halted: true, Usage: true, Err: err, Reason: "the server has no replication slot left",
			Fix: "raise max_replication_slots and restart the server, or drop an unused slot",
		}
	}
	return problem.Named("create slot "+slot, err)
}

// CreateBlocker returns what Create, on the connection whose server process is pid, waits for; nil when it does not wait.
// The wait may take hours, and is a named state.
func CreateBlocker(ctx context.Context, conn *pgx.Conn, slot string, pid uint32) (*capture.Problem, error) {
	var blocker int32
	var who, since string
	err := conn.QueryRow(ctx, `SELECT b, coalesce(a.usename::text, '?'), coalesce(a.xact_start::timestamp(0)::text, '?')
		FROM unnest(pg_blocking_pids($1)) b LEFT JOIN pg_stat_activity a ON a.pid = b
		ORDER BY a.xact_start LIMIT 1`, int32(pid)).Scan(&blocker, &who, &since)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, problem.Named("read what the slot waits for", err)
	}
	return &capture.Problem{
		State: "waiting_for_transactions",
		Reason: fmt.Sprintf("waiting for running transactions to end before creating slot %s: process %d of role %s "+
			"has had one open since %s UTC", slot, blocker, who, since),
		Fix: fmt.Sprintf("end it, or: SELECT pg_terminate_backend(%d);", blocker),
	}, nil
}

// Drop drops a slot if it belongs to this database and no process holds it. It reports whether there was one.
func Drop(ctx context.Context, conn *pgx.Conn, slot string) (bool, error) {
	s, err := Read(ctx, conn, slot)
	if err != nil || s == nil {
		return false, err
	}
	if bad := s.DropProblem(); bad != nil {
		return false, bad
	}
	_, err = conn.Exec(ctx, `SELECT pg_drop_replication_slot($1)`, slot)
	if pgconnect.SQLState(err) == pgconnect.UndefinedObject {
		return false, nil
	}
	return err == nil, problem.Named("drop slot "+slot, err)
}
