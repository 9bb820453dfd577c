package slot

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// FindCommit reports whether a commit is in the server's history. If the server has not assigned the id yet, or has rolled its
// transaction back, the id belongs to a later state of the server, which was restored since. If it has committed the id,
// that may be another transaction: only the time of the commit distinguishes the two, with track_commit_timestamp. A
// decoded transaction may still count as running while it waits for a synchronous standby: then the answer is
// CommitUnknown, as it is on a standby.
func FindCommit(ctx context.Context, conn *pgx.Conn, commit capture.Commit) (capture.Knowledge, error) {
	if commit.XID == 0 {
		return capture.CommitUnknown, nil
	}
	id := strconv.FormatUint(commit.XID, 10)
	var recovering bool
	var status *string
	err := conn.QueryRow(ctx, `SELECT pg_is_in_recovery(), pg_xact_status($1::text::xid8)`, id).Scan(&recovering, &status)
	switch {
	case pgconnect.SQLState(err) == pgconnect.InvalidParameterValue: // it is in the future
		return findUnassigned(ctx, conn)
	case err != nil:
		return capture.CommitUnknown, problem.Named("find transaction "+id, err)
	case recovering || status == nil: // too old for the server to know
		return capture.CommitUnknown, nil
	case *status == "aborted":
		return capture.CommitAbsent, nil
	case *status != "committed":
		return capture.CommitUnknown, nil
	}
	return compareTime(ctx, conn, id, commit.Time)
}

// findUnassigned returns what a server knows of an id that it has not assigned yet: a standby may still replay it.
func findUnassigned(ctx context.Context, conn *pgx.Conn) (capture.Knowledge, error) {
	var recovering bool
	if err := conn.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&recovering); err != nil || recovering {
		return capture.CommitUnknown, problem.Named("read whether the server recovers", err)
	}
	return capture.CommitAbsent, nil
}

// compareTime compares the time at which the server committed a transaction, where the server keeps it.
func compareTime(ctx context.Context, conn *pgx.Conn, id string, want time.Time) (capture.Knowledge, error) {
	var at *time.Time
	err := conn.QueryRow(ctx, `SELECT CASE WHEN current_setting('track_commit_timestamp') = 'on'
		THEN pg_xact_commit_timestamp($1::text::xid8::xid) END`, id).Scan(&at)
	switch {
	case err != nil:
		return capture.CommitUnknown, problem.Named(fmt.Sprintf("read when transaction %s was committed", id), err)
	case at == nil: // it is not kept, or no longer
		return capture.CommitUnknown, nil
	case at.Equal(want):
		return capture.CommitPresent, nil
	}
	return capture.CommitAbsent, nil
}
