package pipeline

import (
	"context"
	"slices"
	"sync"

	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// verdicts are the current verdicts on the sinks of a lane, each from the last check for one stream. A sink that is ahead of its
// source proves that the source was restored, which another sink's record may no longer show. So a sink that has passed the start
// rule waits until all have, and is checked again when such a verdict becomes known meanwhile.
type verdicts struct {
	mu      sync.Mutex
	of      []*sink.Verdict // by the sink's index
	known   int             // how many verdicts became known that concern the other sinks
	by      []int           // with how many of them a sink has passed; absent: it has not passed; gone: it is no longer checked
	changed chan struct{}   // closed when known grows, and when the last sink has passed or is gone
}

const (
	absent = -1
	gone   = -2
)

func newVerdicts(sinks int) *verdicts {
	return &verdicts{of: make([]*sink.Verdict, sinks), by: slices.Repeat([]int{absent}, sinks), changed: make(chan struct{})}
}

// others are the verdicts of all sinks but one.
func (v *verdicts) others(index int) (of []*sink.Verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, list := range v.of {
		if i != index && list != nil {
			of = append(of, list)
		}
	}
	return of
}

// put records the verdicts on a sink. The list must not be changed afterwards.
func (v *verdicts) put(index int, list *sink.Verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	was := v.of[index]
	v.of[index] = list
	if list.Find(startrule.AheadOfSource) != nil && was.Find(startrule.AheadOfSource) == nil {
		v.known++
		v.wakeLocked()
	}
}

func (v *verdicts) wakeLocked() {
	close(v.changed)
	v.changed = make(chan struct{})
}

// count is how many verdicts are known. A check that begins after this call has returned takes all of them into account.
func (v *verdicts) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.known
}

// wait is called for a sink that has passed with the number of verdicts known at the time. It waits until all sinks have passed or
// are gone, and reports whether the sink has to be checked again.
func (v *verdicts) wait(ctx context.Context, index, then int) (again bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.setLocked(index, then)
	for {
		switch {
		case v.known != then:
			v.by[index] = absent
			return true, nil
		case v.allPassedLocked():
			return false, nil
		}
		changed := v.changed
		v.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		v.mu.Lock()
		if err != nil {
			return false, err
		}
	}
}

// remove is called for a sink that is no longer checked.
func (v *verdicts) remove(index int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.setLocked(index, gone)
}

func (v *verdicts) setLocked(index, by int) {
	v.by[index] = by
	if v.allPassedLocked() {
		v.wakeLocked()
	}
}

// allPassedLocked reports whether every sink has passed with all known verdicts, or is gone.
func (v *verdicts) allPassedLocked() bool {
	return !slices.ContainsFunc(v.by, func(by int) bool { return by != v.known && by != gone })
}
