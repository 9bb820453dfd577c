package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// knows reports whether a commit is in the server's history. An id that the server has not given yet, or whose transaction it
// rolled back, was given by a later state of it, and it was restored since. One that it has committed may be another
// transaction's: only the time of the commit tells, with track_commit_timestamp. A transaction that is decoded may still
// count as running, while it waits for a synchronous standby: then nothing is known, nor on a server that replays.
func (c *Config) knows(ctx context.Context, conn *pgx.Conn, commit capture.Commit) (capture.Knowledge, error) {
	if commit.XID == 0 {
		return capture.CommitUnknown, nil
	}
	id := strconv.FormatUint(commit.XID, 10)
	var recovering bool
	var status *string
	err := conn.QueryRow(ctx, `SELECT pg_is_in_recovery(), pg_xact_status($1::text::xid8)`, id).Scan(&recovering, &status)
	switch {
	case sqlstate(err) == pgconnect.InvalidParameterValue: // it is in the future
		return c.absent(ctx, conn)
	case err != nil:
		return capture.CommitUnknown, c.named("look for transaction "+id, err)
	case recovering || status == nil: // it is too old for the server to say
		return capture.CommitUnknown, nil
	case *status == "aborted":
		return capture.CommitAbsent, nil
	case *status != "committed":
		return capture.CommitUnknown, nil
	}
	return c.committed(ctx, conn, id, commit.Time)
}

// absent is what a server knows of an id that it has not given yet: one that replays may come to it.
func (c *Config) absent(ctx context.Context, conn *pgx.Conn) (capture.Knowledge, error) {
	var recovering bool
	if err := conn.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&recovering); err != nil || recovering {
		return capture.CommitUnknown, c.named("look whether the server recovers", err)
	}
	return capture.CommitAbsent, nil
}

// committed compares the time at which the server has committed a transaction, where it keeps it.
func (c *Config) committed(ctx context.Context, conn *pgx.Conn, id string, want time.Time) (capture.Knowledge, error) {
	var at *time.Time
	err := conn.QueryRow(ctx, `SELECT CASE WHEN current_setting('track_commit_timestamp') = 'on'
		THEN pg_xact_commit_timestamp($1::text::xid8::xid) END`, id).Scan(&at)
	switch {
	case err != nil:
		return capture.CommitUnknown, c.named(fmt.Sprintf("read when transaction %s was committed", id), err)
	case at == nil: // it is not kept, or no longer
		return capture.CommitUnknown, nil
	case at.Equal(want):
		return capture.CommitPresent, nil
	}
	return capture.CommitAbsent, nil
}
