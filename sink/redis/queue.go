package redis

import (
	"context"
	"slices"
	"sync"
	"time"
)

// queue is between Write and the worker: commits in order, bounded in bytes.
type queue struct {
	limit int

	mu      sync.Mutex
	commits []*commit
	bytes   int
	changed chan struct{} // closed and replaced when anything changes
}

func newQueue(limit int) *queue { return &queue{limit: limit, changed: make(chan struct{})} }

// put adds commits. It waits while the queue is full, until stop is closed.
func (q *queue) put(ctx context.Context, commits []*commit, stop <-chan struct{}) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes >= q.limit {
		if _, err := q.awaitLocked(ctx, stop, nil); err != nil {
			return err
		}
	}
	for _, c := range commits {
		q.bytes += c.bytes + commitBytes
	}
	q.commits = append(q.commits, commits...)
	q.wakeLocked()
	return nil
}

// commitBytes is about what a commit takes besides its ops.
const commitBytes = 128

// take returns the commits of up to about limit keys, at most one of them of all keys, which the caller owns. It waits for the first one until the timer fires, and
// with a limit of 0 until then in any case.
func (q *queue) take(ctx context.Context, limit int, timer <-chan time.Time) ([]*commit, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for fired := false; !fired && (limit == 0 || len(q.commits) == 0); {
		var err error
		if fired, err = q.awaitLocked(ctx, nil, timer); err != nil {
			return nil, err
		}
	}
	n, bytes := q.countLocked(limit)
	if n == 0 {
		return nil, nil
	}
	taken := slices.Clone(q.commits[:n])
	clear(q.commits[:n]) // lets their memory go
	q.commits, q.bytes = q.commits[n:], q.bytes-bytes
	q.wakeLocked()
	return taken, nil
}

// size returns the bytes that wait.
func (q *queue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

func (q *queue) countLocked(limit int) (n, bytes int) {
	keys := 0
	for n < len(q.commits) && keys < limit {
		keys += max(1, len(q.commits[n].ops))
		bytes += q.commits[n].bytes + commitBytes
		if n++; q.commits[n-1].bulk {
			break // its sweep comes before the next commit
		}
	}
	return n, bytes
}

func (q *queue) wakeLocked() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// awaitLocked waits until something changes or the timer fires.
func (q *queue) awaitLocked(ctx context.Context, stop <-chan struct{}, timer <-chan time.Time) (fired bool, err error) {
	changed := q.changed
	q.mu.Unlock()
	defer q.mu.Lock()
	select {
	case <-changed:
		return false, nil
	case <-timer:
		return true, nil
	case <-stop:
		return false, errStopped
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}
