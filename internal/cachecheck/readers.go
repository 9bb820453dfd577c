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
	ids := make([]int, r.Batch)
	for {
		select {
		case <-stop:
			return
		case <-time.After(r.Pause):
		}
		for i := range ids {
			ids[i] = rand.IntN(r.Applied.history.Keys())
		}
		r.read(ctx, ids)
	}
}

func (r *Readers) read(ctx context.Context, ids []int) {
	began := r.Applied.history.Now()
	cached, err := r.Client.Read(ctx, ids)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.tally.Failed++
	}
	for i, version := range cached {
		r.tally.Reads++
		if version >= 0 {
			r.tally.hit(r.Applied.history.Age(ids[i], version, began), r.Applied.Late(ids[i], version, began))
		}
	}
}
