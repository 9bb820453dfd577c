package slot

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
)

// Identify asks the server for its cluster and the timelines that it has been on, and returns the flush position of its WAL
// as well. Origin.Publication and Origin.Database stay empty: they are read with the catalogue.
func Identify(ctx context.Context, repl *pgconn.PgConn, slot string) (capture.Origin, capture.LSN, error) {
	o := capture.Origin{Slot: slot}
	sys, err := pglogrepl.IdentifySystem(ctx, repl)
	if err != nil {
		return o, 0, problem.Named("identify system", err)
	}
	if o.System, err = strconv.ParseUint(sys.SystemID, 10, 64); err != nil {
		return o, 0, fmt.Errorf("identify system: %w", err)
	}
	o.Timeline = uint32(sys.Timeline)
	if o.Timeline > 1 {
		h, err := pglogrepl.TimelineHistory(ctx, repl, sys.Timeline)
		if err != nil {
			return o, 0, problem.Named(fmt.Sprintf("read history of timeline %d", o.Timeline), err)
		}
		if o.History, err = parseHistory(h.Content); err != nil {
			return o, 0, fmt.Errorf("read history of timeline %d: %w", o.Timeline, err)
		}
	}
	return o, capture.LSN(sys.XLogPos), nil
}

// Database returns the database that conn is connected to, and the next transaction id including its wraps.
func Database(ctx context.Context, conn *pgx.Conn) (d capture.Database, next uint64, err error) {
	err = conn.QueryRow(ctx, `SELECT oid, datname, pg_snapshot_xmax(pg_current_snapshot())::text::bigint
		FROM pg_database WHERE datname = current_database()`).Scan(&d.OID, &d.Name, &next)
	if err != nil {
		return d, 0, problem.Named("identify database", err)
	}
	return d, next, nil
}

// parseHistory parses a timeline history file: a line "id, end, reason" for each older timeline, oldest first, with
// comments after #.
func parseHistory(content []byte) ([]capture.Timeline, error) {
	var h []capture.Timeline
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) < 2 {
			return nil, fmt.Errorf("line %q has no switch point", line)
		}
		id, err := strconv.ParseUint(f[0], 10, 32)
		if err != nil {
			return nil, err
		}
		end, err := capture.ParseLSN(f[1])
		if err != nil {
			return nil, err
		}
		if n := len(h); n > 0 && (h[n-1].ID >= uint32(id) || h[n-1].End > end) {
			return nil, fmt.Errorf("timeline %d does not follow %d", id, h[n-1].ID)
		}
		h = append(h, capture.Timeline{ID: uint32(id), End: end})
	}
	return h, lines.Err()
}
