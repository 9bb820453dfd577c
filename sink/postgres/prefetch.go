package postgres

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/queue"
)

// prefetch is the group behind the one at hand, taken and folded while the server works on that one: we and the server would
// otherwise wait for each other in turn.
type prefetch struct {
	queue   *queue.Queue // nil: nothing is taken ahead
	group   *queue.Group
	taken   bool
	effects *dml.Effects
	folded  int // how many of the group's changes fold has
}

// nextGroup takes the next group and gives the last one back, for its memory.
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

// prefetchNext takes the next group ahead and folds it, when there is much and the present one is whole on its way to the
// server. From the first change on that needs more than that, it is left to fill. It is called by the worker, or, while that waits, in its place.
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

// resetEffects forgets what is folded, of the group at hand and of the next: their plans may go.
func (a *applier) resetEffects() {
	a.bulk.effects.Reset()
	a.prefetch.effects.Reset()
	a.bulk.folded, a.prefetch.folded = 0, 0
}
