package cachecheck

import (
	"context"
	"sync"
	"time"
)

// Client reads keys as a service does. Any goroutine may use it.
type Client interface {
	// Read returns the versions of each key that the cache has, nil where it has none, and fills what is missing. Fills may go on
	// after it has returned.
	Read(ctx context.Context, keys []int) (cached [][]int64, err error)
	// Peek returns the versions that the cache has, nil when it has none. It fills nothing.
	Peek(ctx context.Context, key int) ([]int64, error)
	// KeyOf returns the key that depends on a row, and RowsOf the rows that a key depends on.
	KeyOf(row int) int
	RowsOf(key int) Rows
	// Wait waits for the fills that go on.
	Wait()
}

// fills runs the fills of slow readers besides the reads.
type fills struct{ running sync.WaitGroup }

// after calls fill once the delay is over: at once, or in a goroutine.
func (f *fills) after(delay time.Duration, fill func()) {
	if delay <= 0 {
		fill()
		return
	}
	f.running.Go(func() {
		time.Sleep(delay)
		fill()
	})
}

// Wait implements Client.
func (f *fills) Wait() { f.running.Wait() }
