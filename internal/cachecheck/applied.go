package cachecheck

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache/protocol"
)

// Applied has the time at which the invalidations of each version had run in one Redis. Any goroutine may use it.
type Applied struct {
	history *History
	client  *redis.Client
	control protocol.Control
	rows    []times

	mu      sync.Mutex
	pending []expected
	delays  []time.Duration // from the return of a commit
	losing  bool            // Redis has lost writes, and the daemon has not repaired that yet
	loss    time.Duration   // the end of the last loss
}

// expected is a version that is not known to be invalidated yet.
type expected struct {
	id      int
	version int64
	lsn     protocol.LSN // at or after the end of its commit
}

// NewApplied returns the times of a history's versions in a Redis whose keys the given pipeline invalidates.
func NewApplied(h *History, client *redis.Client, control protocol.Control) *Applied {
	return &Applied{history: h, client: client, control: control, rows: make([]times, h.Rows())}
}

// expect makes Watch wait for a version.
func (a *Applied) expect(id int, version int64, lsn protocol.LSN) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = append(a.pending, expected{id, version, lsn})
}

// Watch reads the daemon's watermark until ctx ends. Redis writes it in the same call as the invalidations, so what it covers has
// run before the answer arrives here.
func (a *Applied) Watch(ctx context.Context) {
	for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
		text, err := a.client.Get(ctx, a.control.Base()+":watermark").Result()
		if err != nil {
			continue
		}
		digits, _, _ := strings.Cut(text, "/")
		if lsn, err := strconv.ParseUint(digits, 16, 64); err == nil {
			a.advance(protocol.LSN(lsn))
		}
	}
}

// Unapplied returns how many versions are not known to be invalidated.
func (a *Applied) Unapplied() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.pending)
}

func (a *Applied) advance(to protocol.LSN) {
	now := a.history.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = slices.DeleteFunc(a.pending, func(e expected) bool {
		if e.lsn > to {
			return false
		}
		a.rows[e.id].set(e.version, now)
		a.delays = append(a.delays, a.history.Age(e.id, e.version-1, now))
		return true
	})
}

// Lose tells that Redis loses writes from now on. Until Repaired a hit may lack an invalidation.
func (a *Applied) Lose() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.losing = true
}

// Repaired tells that the daemon has repaired the loss.
func (a *Applied) Repaired() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.losing, a.loss = false, a.history.Now()
}

// lossEnd returns the end of the last loss; losing: it has not ended.
func (a *Applied) lossEnd() (end time.Duration, losing bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.loss, a.losing
}

// Late returns for how long a newer version had been committed and its invalidation had run when a read began; 0: neither.
func (a *Applied) Late(id int, version int64, began time.Duration) time.Duration {
	ran := a.rows[id].get(version + 1)
	end, losing := a.lossEnd()
	if ran == 0 || losing {
		return 0
	}
	return max(0, min(began-ran, began-end, a.history.Age(id, version, began)))
}

// Delays returns the median, the 99th percentile and the longest time from the return of a commit until its invalidation is known
// to have run. That is seen when the watermark passes an LSN that was read after the commit: about one commit later.
func (a *Applied) Delays() (p50, p99, longest time.Duration) {
	a.mu.Lock()
	d := slices.Sorted(slices.Values(a.delays))
	a.mu.Unlock()
	if len(d) == 0 {
		return 0, 0, 0
	}
	return d[len(d)/2], d[len(d)*99/100], d[len(d)-1]
}
