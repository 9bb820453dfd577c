package postgres

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/queue"
)

// ahead is the group behind the one at hand, taken and folded while the server works on that one: we and the server would
// otherwise wait for each other in turn.
type ahead struct {
	queue  *queue.Queue // nil: nothing is taken ahead
	group  *queue.Group
	taken  bool
	fold   *dml.Effects
	folded int // how many of the group's changes fold has
}

// take takes the next group and gives the last one back, for its memory.
func (a *applier) take(last *queue.Group) (*queue.Group, error) {
	n := &a.ahead
	if !n.taken {
		return last, n.queue.Take(last, a.wrote.Add(idlePause))
	}
	next := n.group
	n.group, n.taken = last, false
	a.bulk.fold, n.fold = n.fold, a.bulk.fold
	a.bulk.folded, n.folded = n.folded, 0
	return next, nil
}

// lookAhead takes the next group ahead and folds it, when there is much and the present one is whole on its way to the
// server. From the first change on that needs more than that, it is left to fill. It is called by the worker, or, while that waits, in its place.
func (a *applier) lookAhead() {
	n := &a.ahead
	if n.queue == nil || n.taken || !a.bulk.ending || !n.queue.Prefetch(n.group) {
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
		folded, err := n.fold.Add(p, c)
		if err != nil {
			n.fold.Reset()
			n.folded = 0
		}
		if err != nil || !folded {
			return
		}
		n.folded++
	}
}

// unfold forgets what is folded, of the group at hand and of the next: their plans may go.
func (a *applier) unfold() {
	a.bulk.fold.Reset()
	a.ahead.fold.Reset()
	a.bulk.folded, a.ahead.folded = 0, 0
}
