package pipeline

import (
	"context"
	"slices"
	"sync"

	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// verdicts are what stands for the sinks of a lane, each by its last judgement for one stream. A sink that is ahead of its source
// tells that the source was restored, which the record of another one may not show any more. So a sink that has passed waits
// until all have, and is judged again when such a verdict becomes known meanwhile.
type verdicts struct {
	mu      sync.Mutex
	of      []*sink.Verdict // by the sink's index
	known   int             // how many became known that concern the others
	by      []int           // by how many of them a sink has passed; absent: it has not passed; gone: it is not judged any more
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

// put notes what stands for a sink. The list is not changed any more.
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

// now is how many verdicts are known. A sink that is judged after this call has returned is judged by all of them.
func (v *verdicts) now() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.known
}

// wait waits, for a sink that has passed by what was known then, until all sinks have passed or are gone. It is true when the
// sink has to be judged again.
func (v *verdicts) wait(ctx context.Context, index, then int) (again bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.standLocked(index, then)
	for {
		switch {
		case v.known != then:
			v.by[index] = absent
			return true, nil
		case v.settledLocked():
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

// leave is for a sink that is not judged any more.
func (v *verdicts) leave(index int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.standLocked(index, gone)
}

func (v *verdicts) standLocked(index, by int) {
	v.by[index] = by
	if v.settledLocked() {
		v.wakeLocked()
	}
}

// settledLocked reports whether every sink has passed by all that is known, or is gone.
func (v *verdicts) settledLocked() bool {
	return !slices.ContainsFunc(v.by, func(by int) bool { return by != v.known && by != gone })
}
