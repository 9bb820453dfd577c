package capture

import (
	"context"
	"math/rand/v2"
	"time"
)

// HaltedRetryInterval is how often a halted pipeline or sink is retried.
const HaltedRetryInterval = 10 * time.Second

// Backoff counts attempts that failed in a row. The zero value is ready; one goroutine at a time.
type Backoff struct{ failed int }

// Next returns how long to wait after err: from 100 ms doubling to 10 s, of which a quarter is random, so that many lanes
// do not retry at the same time; HaltedRetryInterval when err halts.
func (b *Backoff) Next(err error) time.Duration {
	if p := AsProblem(err); p != nil && p.Halted {
		return HaltedRetryInterval
	}
	d := min(100*time.Millisecond<<min(b.failed, 7), HaltedRetryInterval)
	b.failed++
	return d*3/4 + rand.N(d/4)
}

// Reset sets the number of failed attempts to 0.
func (b *Backoff) Reset() { b.failed = 0 }

// Sleep waits for d or for the end of ctx, and returns the error of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
