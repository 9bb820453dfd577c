package postgres

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// stallTimeout is how long the worker may be busy with one group before the server is asked whether it still works on it.
const stallTimeout = 15 * time.Second

// healthCheck detects that the worker waits for an answer that will never come. A network that drops packets reports no error, and
// a timeout would not do, because a statement may take minutes.
type healthCheck struct {
	sink *Sink
	pid  uint32
	busy atomic.Int64 // since when the worker is busy with a group, in Unix nanoseconds; 0 when it is idle
}

func (w *healthCheck) begin() { w.busy.Store(time.Now().UnixNano()) }
func (w *healthCheck) end()   { w.busy.Store(0) }

// run checks until ctx ends. It ends ctx when the server is unreachable, or does not work for the connection.
func (w *healthCheck) run(ctx context.Context, end context.CancelCauseFunc) {
	limit := w.sink.stallTimeout
	for capture.Sleep(ctx, limit/2) == nil {
		since := w.busy.Load()
		if since == 0 || time.Since(time.Unix(0, since)) < limit {
			continue
		}
		if err := w.checkBackend(ctx, limit); err != nil && ctx.Err() == nil && w.busy.Load() == since {
			end(&capture.Problem{State: "target_unreachable", Reason: "the target's server does not answer", Err: err})
			return
		}
	}
}

var errNotAtWork = errors.New("its backend is idle, and no answer has arrived")

// checkBackend asks the server, on another connection, whether the backend of the connection is active.
func (w *healthCheck) checkBackend(ctx context.Context, limit time.Duration) error {
	ctx, stop := context.WithTimeoutCause(ctx, limit, errTimeout)
	defer stop()
	db, err := w.sink.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.Query(ctx, `SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE pid = $1::pg_catalog.int4
		AND (state = 'active' OR state_change > pg_catalog.now() - $2::pg_catalog.interval))`,
		strconv.AppendUint(nil, uint64(w.pid), 10), []byte(strconv.FormatInt(limit.Milliseconds()/2, 10)+" milliseconds"))
	if err == nil && string(rows[0][0]) == "f" {
		err = errNotAtWork
	}
	return err
}
