package cachecheck

import (
	"sync"
	"time"
)

// History has the time at which each version of each row was committed. Times are durations since its start, by the monotonic
// clock. Any goroutine may use it.
type History struct {
	start time.Time
	rows  []times
}

// times is a time for each version of one row; 0: none yet.
type times struct {
	mu sync.RWMutex
	at []time.Duration
}

// NewHistory returns the history of rows 0 to n-1. Their version is 0.
func NewHistory(n int) *History { return &History{start: time.Now(), rows: make([]times, n)} }

// Rows returns the number of rows.
func (h *History) Rows() int { return len(h.rows) }

// Now returns the time since the start.
func (h *History) Now() time.Duration { return time.Since(h.start) }

// returned records that the commit of a version has returned now.
func (h *History) returned(id int, version int64) { h.rows[id].set(version, h.Now()) }

// Age returns for how long a newer version than the given one had been committed when a read began; 0: there was none.
func (h *History) Age(id int, version int64, began time.Duration) time.Duration {
	next := h.rows[id].get(version + 1)
	if next == 0 {
		return 0
	}
	return max(0, began-next)
}

func (t *times) set(version int64, at time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for int64(len(t.at)) <= version {
		t.at = append(t.at, 0)
	}
	t.at[version] = at
}

func (t *times) get(version int64) time.Duration {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if version < 0 || version >= int64(len(t.at)) {
		return 0
	}
	return t.at[version]
}
