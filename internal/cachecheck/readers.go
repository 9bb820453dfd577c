package cachecheck

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Readers are goroutines that read random keys through one client.
type Readers struct {
	Client  Client
	Applied *Applied // of the Redis that the client uses
	Batch   int      // keys of one read
	Pause   time.Duration

	reads  atomic.Int64
	failed atomic.Int64 // reads that ended with an error
	mu     sync.Mutex
	tally  Tally
}

// Reads returns how many keys were read so far.
func (r *Readers) Reads() int64 { return r.reads.Load() }

// Failed returns how many reads have ended with an error so far.
func (r *Readers) Failed() int64 { return r.failed.Load() }

// Run reads with n goroutines until stop is closed, waits for all fills, and returns what they have seen.
func (r *Readers) Run(ctx context.Context, n int, stop <-chan struct{}) Tally {
	var running sync.WaitGroup
	for range n {
		running.Go(func() { r.loop(ctx, stop) })
	}
	running.Wait()
	r.Client.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tally
}

func (r *Readers) loop(ctx context.Context, stop <-chan struct{}) {
	var seen Tally
	ids := make([]int, r.Batch)
	for {
		select {
		case <-stop:
			r.mu.Lock()
			defer r.mu.Unlock()
			r.tally.add(seen)
			return
		case <-time.After(r.Pause):
		}
		for i := range ids {
			ids[i] = rand.IntN(r.Applied.history.Keys())
		}
		r.read(ctx, ids, &seen)
	}
}

func (r *Readers) read(ctx context.Context, ids []int, seen *Tally) {
	began := r.Applied.history.Now()
	cached, err := r.Client.Read(ctx, ids)
	if err != nil {
		r.failed.Add(1)
	}
	for i, version := range cached {
		seen.Reads++
		r.reads.Add(1)
		if version >= 0 {
			seen.hit(r.Applied.history.Age(ids[i], version, began), r.Applied.Late(ids[i], version, began))
		}
	}
}
