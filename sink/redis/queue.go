package redis

import (
	"context"
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
		if err := q.waitLocked(ctx, stop, nil); err != nil {
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

// take returns the commits of up to about limit keys. It waits for the first one until the timer fires.
func (q *queue) take(ctx context.Context, limit int, timer <-chan time.Time) ([]*commit, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.commits) == 0 {
		if err := q.waitLocked(ctx, nil, timer); err != nil {
			return nil, err
		}
	}
	n, bytes := q.countLocked(limit)
	taken := q.commits[:n:n]
	q.commits, q.bytes = q.commits[n:], q.bytes-bytes
	q.wakeLocked()
	return taken, nil
}

func (q *queue) countLocked(limit int) (n, bytes int) {
	keys := 0
	for n < len(q.commits) && keys < limit {
		keys += max(1, len(q.commits[n].ops))
		bytes += q.commits[n].bytes + commitBytes
		n++
	}
	return n, bytes
}

func (q *queue) wakeLocked() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *queue) waitLocked(ctx context.Context, stop <-chan struct{}, timer <-chan time.Time) error {
	changed := q.changed
	q.mu.Unlock()
	defer q.mu.Lock()
	select {
	case <-changed:
	case <-timer:
	case <-stop:
		return errStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
