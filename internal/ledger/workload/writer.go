package workload

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// writer is one connection of the workload.
type writer struct {
	id     int
	url    string
	pause  time.Duration
	events bool // its transactions make events
	rand   *rand.Rand
	conn   *pgx.Conn
	stats  Stats
}

// errRollBack asks for the whole transaction to be rolled back on purpose.
var errRollBack = errors.New("rolled back on purpose")

// errNoRow reports that a row does not exist at the moment.
var errNoRow = errors.New("no such row")

func (w *writer) run(ctx context.Context) {
	defer func() {
		if w.conn != nil {
			_ = w.conn.Close(context.WithoutCancel(ctx))
		}
	}()
	next := time.Now()
	for ctx.Err() == nil {
		if w.conn == nil && !w.dial(ctx) {
			continue
		}
		w.count(ctx)
		next = next.Add(w.pause)
		if late := time.Since(next); late > time.Second {
			next = time.Now() // the server was down: do not catch up
		}
		sleep(ctx, time.Until(next))
	}
}

func (w *writer) dial(ctx context.Context) bool {
	within, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(within, w.url)
	if err != nil {
		sleep(ctx, 100*time.Millisecond)
		return false
	}
	w.conn = conn
	return true
}

// count runs one transaction and counts its outcome.
func (w *writer) count(ctx context.Context) {
	var err error
	if w.events {
		err = w.announce(ctx)
	} else {
		_, err = w.transact(ctx, w.choose())
	}
	switch {
	case err == nil:
		w.stats.Committed++
	case errors.Is(err, errRollBack):
		w.stats.RolledBack++
	case w.conn.IsClosed():
		w.stats.Unknown++
		w.conn = nil
	default:
		w.stats.Failed++
		w.stats.Failure = err
	}
}

// transact runs one move in a transaction that ends with its row of tx_log, and returns how many changes it made.
func (w *writer) transact(ctx context.Context, m move) (int64, error) {
	tx, err := w.conn.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback(ctx) }() // after a commit it does nothing
	t := &turn{tx: tx, rand: w.rand}
	if err := m(ctx, t); err != nil {
		return 0, err
	}
	if err := t.log(ctx, w.id); err != nil {
		return 0, err
	}
	return t.n, tx.Commit(ctx)
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
