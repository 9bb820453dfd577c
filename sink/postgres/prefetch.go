package postgres

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/queue"
)

// prefetch is the next group, taken and combined while the server works on the current one. Otherwise the applier and the server
// would wait for each other in turn.
type prefetch struct {
	queue   *queue.Queue // nil: nothing is prefetched
	group   *queue.Group
	taken   bool
	effects *dml.Effects
	folded  int // how many of the group's changes are in effects
}

// nextGroup takes the next group. The memory of the last one is reused.
func (a *applier) nextGroup(last *queue.Group) (*queue.Group, error) {
	n := &a.prefetch
	if !n.taken {
		return last, n.queue.Take(last, a.recordedAt.Add(idleRecordInterval))
	}
	next := n.group
	n.group, n.taken = last, false
	a.bulk.effects, n.effects = n.effects, a.bulk.effects
	a.bulk.folded, n.folded = n.folded, 0
	return next, nil
}

// prefetchNext takes the next group and adds its changes to effects, when there are many changes and the current group is sent
// completely. It stops at the first change that needs more than that; bulk.fill adds the rest. It runs on the worker, or on the
// goroutine that reads for COPY while the worker waits.
func (a *applier) prefetchNext() {
	n := &a.prefetch
	if n.queue == nil || n.taken || !a.bulk.last || !n.queue.Prefetch(n.group) {
		return
	}
	n.taken = true
	if len(a.parked.keys) > 0 {
		return
	}
	for _, c := range n.group.Changes {
		p := a.plans[c.Table]
		if p == nil || c.Op == capture.Truncate || c.Op == capture.Read {
			return
		}
		folded, err := n.effects.Add(p, c)
		if err != nil {
			n.effects.Reset()
			n.folded = 0
		}
		if err != nil || !folded {
			return
		}
		n.folded++
	}
}

// resetEffects removes the effects of the current and of the next group, before plans are forgotten.
func (a *applier) resetEffects() {
	a.bulk.effects.Reset()
	a.prefetch.effects.Reset()
	a.bulk.folded, a.prefetch.folded = 0, 0
}
