package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// slotName matches what Postgres accepts, less the suffix of a first start's temporary slot; commands on a replication
// connection contain the name unquoted.
var slotName = regexp.MustCompile(`^[a-z0-9_]{1,54}$`)

// slotState is the slot's row in pg_replication_slots. Sizes are bytes.
type slotState struct {
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

// readSlot reads a slot's row, in one query with the end of the WAL; it returns nil when there is no such slot. Through
// to_jsonb, columns that a server does not have are null.
func (c *Config) readSlot(ctx context.Context, conn *pgx.Conn, name string) (*slotState, error) {
	var s slotState
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

// state returns the text of Health.Slot.
func (s *slotState) state() string {
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

// createSlot creates a temporary slot, after the publication, and returns where its changes begin and the name of the
// snapshot that shows everything before. The snapshot lives until the next command on the connection or until the
// connection ends. createSlot waits for every transaction that is running, for hours if necessary; when ctx ends first, no
// slot is created.
func (c *Config) createSlot(ctx context.Context, repl *pgconn.PgConn, name string) (capture.LSN, string, error) {
	if !slotName.MatchString(c.Slot) {
		return 0, "", fmt.Errorf("create slot: %q is not the name of a slot", c.Slot)
	}
	options := "(SNAPSHOT 'export')"
	if pgconnect.Major(repl) < 15 {
		options = "EXPORT_SNAPSHOT"
	}
	r, err := pglogrepl.ParseCreateReplicationSlot(
		repl.Exec(ctx, fmt.Sprintf("CREATE_REPLICATION_SLOT %s TEMPORARY LOGICAL pgoutput %s", name, options)))
	switch pgconnect.SQLState(err) {
	case "":
	case pgconnect.DuplicateObject:
		err = &capture.Problem{
			State: "slot_active", Err: err,
			Reason: fmt.Sprintf("another process is making slot %s", c.Slot),
		}
	case pgconnect.ObjectNotInPrerequisiteState:
		err = &capture.Problem{
			State: "source_not_ready", Halted: true, Usage: true, Err: err,
			Reason: "the server cannot create a logical slot", Fix: "`tailrace check` names the setting that is missing",
		}
	}
	if err != nil {
		return 0, "", problem.Named("create slot "+name, err)
	}
	at, err := capture.ParseLSN(r.ConsistentPoint)
	return at, r.SnapshotName, err
}

// slotWait returns what createSlot, on the connection whose server process is pid, waits for; nil when it does not wait.
// The wait may take hours, and is a named state.
func (c *Config) slotWait(ctx context.Context, conn *pgx.Conn, pid uint32) (*capture.Problem, error) {
	var blocker int32
	var who, since string
	err := conn.QueryRow(ctx, `SELECT b, coalesce(a.usename::text, '?'), coalesce(a.xact_start::timestamp(0)::text, '?')
		FROM unnest(pg_blocking_pids($1)) b LEFT JOIN pg_stat_activity a ON a.pid = b
		ORDER BY a.xact_start LIMIT 1`, int32(pid)).Scan(&blocker, &who, &since)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, problem.Named("look what the slot waits for", err)
	}
	return &capture.Problem{
		State: "waiting_for_transactions",
		Reason: fmt.Sprintf("waiting for running transactions to end before creating slot %s: process %d of role %s "+
			"has had one open since %s UTC", c.Slot, blocker, who, since),
		Fix: fmt.Sprintf("end it, or: SELECT pg_terminate_backend(%d);", blocker),
	}, nil
}

// dropSlot drops the slot if it belongs to this database and no process holds it. It reports whether there was one.
func (c *Config) dropSlot(ctx context.Context, conn *pgx.Conn) (bool, error) {
	s, err := c.readSlot(ctx, conn, c.Slot)
	if err != nil || s == nil {
		return false, err
	}
	if bad := c.notOurs(s); bad != nil {
		return false, bad
	}
	_, err = conn.Exec(ctx, `SELECT pg_drop_replication_slot($1)`, c.Slot)
	if pgconnect.SQLState(err) == pgconnect.UndefinedObject {
		return false, nil
	}
	return err == nil, problem.Named("drop slot "+c.Slot, err)
}

// slotHeld is the problem of a slot that cannot be dropped because a daemon is using it.
func (c *Config) slotHeld(s *slotState) *capture.Problem {
	return &capture.Problem{
		State: "slot_active", Usage: true,
		Reason: fmt.Sprintf("slot %s is in use by process %d of the server", c.Slot, s.PID),
		Fix:    "stop the daemon that reads it first, its standbys too",
	}
}
