package e2e

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// reader reads a replica continuously, as its users do.
type reader struct {
	url    string
	look   func(context.Context, *pgx.Conn) (broken string, err error)
	looks  int
	broken []string // inconsistencies that no reader may see
}

// run reads until ctx ends. It waits for a replica that is down; until the first successful read tables may be missing.
func (r *reader) run(ctx context.Context) {
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close(context.Background())
		}
	}()
	for ctx.Err() == nil && len(r.broken) < 10 {
		if conn == nil || conn.IsClosed() {
			var err error
			if conn, err = pgx.Connect(ctx, r.url); err != nil {
				conn = nil
				time.Sleep(20 * time.Millisecond)
				continue
			}
		}
		if found, err := r.look(ctx, conn); found != "" {
			r.broken = append(r.broken, found)
		} else if err == nil {
			r.looks++
		} else if absent(err) && r.looks > 0 {
			r.broken = append(r.broken, err.Error())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// balance checks that TPC-B's sums agree: each of its transactions adds one amount to an account, a teller and a
// branch, and appends it to the history.
func balance(ctx context.Context, conn *pgx.Conn) (broken string, err error) {
	var accounts, tellers, branches, history int64
	err = conn.QueryRow(ctx, `SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers),
		(SELECT sum(bbalance) FROM pgbench_branches), (SELECT coalesce(sum(delta), 0) FROM pgbench_history)`).
		Scan(&accounts, &tellers, &branches, &history)
	if err != nil || accounts == tellers && accounts == branches && accounts == history {
		return "", err
	}
	return fmt.Sprintf("TPC-B: accounts %d, tellers %d, branches %d, history %d", accounts, tellers, branches, history), nil
}

// absent reports whether the error is about a missing table.
func absent(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "42P01" || e.Code == "3F000")
}
