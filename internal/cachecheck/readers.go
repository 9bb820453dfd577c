package cachecheck

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Readers are goroutines that read random keys through one client.
type Readers struct {
	Client  Client
	Applied *Applied // of the Redis that the client uses
	Batch   int      // keys of one read
	Pause   time.Duration

	mu    sync.Mutex
	tally Tally
}

// Seen returns what the goroutines have seen so far.
func (r *Readers) Seen() Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tally
}

// Run reads with n goroutines until stop is closed, and waits for all fills.
func (r *Readers) Run(ctx context.Context, n int, stop <-chan struct{}) {
	var running sync.WaitGroup
	for range n {
		running.Go(func() { r.loop(ctx, stop) })
	}
	running.Wait()
	r.Client.Wait()
}

func (r *Readers) loop(ctx context.Context, stop <-chan struct{}) {
	keys := make([]int, r.Batch)
	for {
		select {
		case <-stop:
			return
		case <-time.After(r.Pause):
		}
		for i := range keys {
			keys[i] = r.Client.KeyOf(rand.IntN(r.Applied.history.Rows()))
		}
		r.read(ctx, keys)
	}
}

func (r *Readers) read(ctx context.Context, keys []int) {
	began := r.Applied.history.Now()
	cached, err := r.Client.Read(ctx, keys)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.tally.Failed++
	}
	for i, versions := range cached {
		r.tally.Reads++
		if versions != nil {
			r.tally.hit(r.worst(keys[i], versions, began))
		}
	}
}

// worst returns the greatest age of a key's rows.
func (r *Readers) worst(key int, versions []int64, began time.Duration) (age, late time.Duration) {
	first := r.Client.RowsOf(key).First
	for i, v := range versions {
		age = max(age, r.Applied.history.Age(first+i, v, began))
		late = max(late, r.Applied.Late(first+i, v, began))
	}
	return age, late
}
