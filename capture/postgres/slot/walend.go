package slot

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
)

// The sizes of the WAL headers: of a page, and of a segment's first page.
const (
	pageHeader    = 24
	segmentHeader = 40
)

// WALEnd returns an end of the WAL such that every commit that has returned lies before it, and that the walsender reaches
// on an otherwise idle server. The insert position is beyond what is flushed while asynchronous commits or open
// transactions wait for the WAL writer; WALEnd waits a second for it. After that it returns the flushed position, which
// covers every synchronous commit.
func WALEnd(ctx context.Context, conn *pgx.Conn) (capture.LSN, error) {
	var insert, flush capture.LSN
	var page, segment uint64
	err := conn.QueryRow(ctx, `SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint,
		(SELECT setting::bigint FROM pg_settings WHERE name = 'wal_block_size'),
		(SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size')`).Scan(&insert, &page, &segment)
	if err != nil {
		return 0, problem.Named("read end of WAL", err)
	}
	insert = beforeHeader(insert, page, segment)
	for deadline := time.Now().Add(time.Second); ; {
		err := conn.QueryRow(ctx, `SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint`).Scan(&flush)
		if err != nil {
			return 0, problem.Named("read end of WAL", err)
		}
		if flush >= insert {
			return insert, nil
		}
		if time.Now().After(deadline) {
			return flush, nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// beforeHeader subtracts the page header that an insert position at a page's start already counts: nothing is written there
// yet, and the walsender stops before it.
func beforeHeader(l capture.LSN, page, segment uint64) capture.LSN {
	switch {
	case uint64(l)%segment == segmentHeader:
		return l - segmentHeader
	case uint64(l)%page == pageHeader && uint64(l)%segment != pageHeader:
		return l - pageHeader
	}
	return l
}
