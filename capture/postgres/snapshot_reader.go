package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/publication"
)

// Snapshots implements capture.SnapshotSource.
func (s *Source) Snapshots() capture.SnapshotReader {
	return &snapshotReader{control: controlConn{config: &s.config}}
}

type snapshotReader struct{ control controlConn }

// ReadSnapshot implements capture.SnapshotReader. A standby is refused: its snapshots do not list all transactions in progress.
func (r *snapshotReader) ReadSnapshot(ctx context.Context) (capture.Snapshot, error) {
	var text string
	var standby bool
	err := r.control.do(ctx, func(c *pgx.Conn) error {
		return c.QueryRow(ctx, `SELECT pg_catalog.pg_current_snapshot()::pg_catalog.text, pg_catalog.pg_is_in_recovery()`).Scan(&text, &standby)
	})
	if err != nil {
		return capture.Snapshot{}, problem.NamedRead("read the source's snapshot", err)
	}
	if standby {
		return capture.Snapshot{}, publication.StandbySource()
	}
	return parseSnapshot(text)
}

// Close implements capture.SnapshotReader.
func (r *snapshotReader) Close() { r.control.close() }

// parseSnapshot decodes "10:20:10,14,15".
func parseSnapshot(text string) (s capture.Snapshot, err error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return s, fmt.Errorf("read snapshot %q", text)
	}
	number := func(t string) uint64 {
		n, parseErr := strconv.ParseUint(t, 10, 64)
		if parseErr != nil && err == nil {
			err = fmt.Errorf("read snapshot %q: %w", text, parseErr)
		}
		return n
	}
	s.Xmin, s.Xmax = number(parts[0]), number(parts[1])
	if parts[2] != "" {
		for x := range strings.SplitSeq(parts[2], ",") {
			s.InProgress = append(s.InProgress, number(x))
		}
	}
	return s, err
}
