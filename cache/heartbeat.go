package cache

import (
	"context"
	"sync"
	"time"
)

const (
	heartbeatPause   = time.Second     // between two readings
	heartbeatTimeout = 2 * time.Second // of a reading
)

// heartbeats knows the age of the daemon's heartbeat. A reading runs in the background, when a call asks for the age and the last one
// began a second ago.
type heartbeats struct {
	read func(context.Context) (reading, error)

	mu    sync.Mutex
	last  reading
	begun time.Time     // the last reading
	under chan struct{} // closed when the reading that runs has ended; nil: none runs
}

// reading is a heartbeat as it was at a time of this process' clock.
type reading struct {
	at  time.Time     // before Redis was asked; zero: none was found yet
	age time.Duration // at most
}

// age returns how old the newest heartbeat is at most; false: this process has seen none. It waits for a reading that runs when the
// last one was two seconds ago.
func (h *heartbeats) age(ctx context.Context) (time.Duration, bool) {
	h.mu.Lock()
	if h.under == nil && time.Since(h.begun) >= heartbeatPause {
		h.under, h.begun = make(chan struct{}), time.Now()
		go h.refresh(h.under)
	}
	last, under := h.last, h.under
	h.mu.Unlock()
	if under != nil && (last.at.IsZero() || time.Since(last.at) >= 2*heartbeatPause) {
		select {
		case <-under:
		case <-ctx.Done():
		}
		h.mu.Lock()
		last = h.last
		h.mu.Unlock()
	}
	return last.age + time.Since(last.at), !last.at.IsZero()
}

// refresh keeps the former reading when Redis does not answer or has no heartbeat: its age grows.
func (h *heartbeats) refresh(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), heartbeatTimeout)
	defer cancel()
	r, err := h.read(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil && !r.at.IsZero() {
		h.last = r
	}
	h.under = nil
	close(done)
}

// readHeartbeat compares the heartbeat with the clock of Redis, by which the daemon writes it.
func (c *Cache) readHeartbeat(ctx context.Context) (reading, error) {
	at := time.Now()
	now, err := c.rdb.Time(ctx).Result()
	if err != nil {
		return reading{}, err
	}
	h, err := c.library.ReadHeartbeat(ctx, c.control)
	if err != nil || h.Epoch == "" {
		return reading{}, err
	}
	return reading{at: at, age: now.Sub(h.Time)}, nil
}
