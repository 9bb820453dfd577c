// Package load writes to a database at a fixed rate, however slowly the database answers: an open loop. A late transaction
// delays none of those after it, so no part of a stall is hidden.
package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// Plan describes what to write.
type Plan struct {
	URL         string
	Rate        float64 // transactions per second
	Count       int     // of them
	Connections int
	SQL         string            // one statement: one transaction
	Args        func(k int) []any // of the k-th, from 0; called by many goroutines
	// Returned is called when the k-th commit has returned; nil: no call. Called by many goroutines.
	Returned func(k int, at time.Time)
}

// Run writes and returns how long that took. More than Count/Rate means that the database did not keep up.
func Run(ctx context.Context, p Plan) (took time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conns := make([]*pgx.Conn, p.Connections)
	for i := range conns {
		if conns[i], err = pgx.Connect(ctx, p.URL); err != nil {
			return 0, fmt.Errorf("connect to write: %w", err)
		}
		defer conns[i].Close(context.WithoutCancel(ctx))
		if _, err := conns[i].Prepare(ctx, p.SQL, p.SQL); err != nil {
			return 0, fmt.Errorf("prepare to write: %w", err)
		}
	}
	began := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	for _, c := range conns {
		all.Go(func() {
			if err := p.write(ctx, c, began, &next); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return time.Since(began), context.Cause(ctx)
}

// write takes the next transaction when it is due, until none is left.
func (p *Plan) write(ctx context.Context, c *pgx.Conn, began time.Time, next *atomic.Int64) error {
	for {
		k := int(next.Add(1) - 1)
		if k >= p.Count {
			return nil
		}
		due := began.Add(time.Duration(float64(k) / p.Rate * float64(time.Second)))
		if d := time.Until(due); d > 0 {
			select {
			case <-time.After(d):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if _, err := c.Exec(ctx, p.SQL, p.Args(k)...); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if p.Returned != nil {
			p.Returned(k, time.Now())
		}
	}
}
