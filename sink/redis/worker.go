package redis

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// The rhythm of the worker.
const (
	batchKeys     = 256              // about how many keys one snapshot serves
	lookPause     = time.Millisecond // between looks at commits that are not visible yet
	beatPause     = time.Second      // between heartbeats
	heartbeatTTL  = 10 * time.Second // a standby fills nothing once it has expired
	callDeadline  = 5 * time.Second  // a call that Redis gets later does nothing
	floorDistance = 30 * time.Second // the floor is what was applied so long ago: well within the life of a settled tombstone
	maxUnseen     = 1_000_000        // keys of commits that the source does not show
	fillerDelay1  = 250 * time.Millisecond
	fillerDelay2  = 2 * time.Second
)

// worker applies commits in order. Its goroutine owns everything but what is below mu.
type worker struct {
	options  Options
	lane     sink.Lane
	log      *zap.Logger
	queue    *queue
	node     *node
	journal  journal
	unseen   unseen
	held     []hold
	fillers  fillers
	floor    floor
	applied  capture.Position
	snapshot snapshots
	backoff  capture.Backoff
	nextBeat time.Time
	sweep    bool // values may lack invalidations: sweep before anything counts as applied
	began    bool // the first commit was taken

	mu      sync.Mutex
	blocked *capture.Problem // why nothing is applied; nil: it is
	since   time.Time
}

// run applies commits until ctx ends or the worker has failed.
func (w *worker) run(ctx context.Context) error {
	defer w.snapshot.close()
	for {
		limit := batchKeys
		if w.unseen.ops > maxUnseen {
			limit = 0
		}
		commits, err := w.queue.take(ctx, limit, w.timer())
		if err != nil {
			return nil
		}
		if err := w.persist(ctx, commits); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// persist applies commits, with as many attempts as it takes.
func (w *worker) persist(ctx context.Context, commits []*commit) error {
	added := false
	for {
		err := w.apply(ctx, commits, &added)
		if err == nil {
			w.unblock()
			if w.unseen.ops > maxUnseen {
				w.block(invisible())
			}
			return nil
		}
		if errors.Is(err, protocol.ErrFenced) {
			return sink.ErrFenced
		}
		w.log.Debug("apply", zap.Error(err))
		if err := w.recover(ctx, err); err != nil {
			return err
		}
	}
}

// apply takes one snapshot, adds the commits to the journal and sends what is pending.
func (w *worker) apply(ctx context.Context, commits []*commit, added *bool) error {
	var seen capture.Snapshot
	if len(w.unseen.commits) > 0 || hasOps(commits) && !*added {
		var err error
		if seen, err = w.snapshot.read(ctx); err != nil {
			return err
		}
	}
	if !*added {
		w.addCommits(commits, seen)
		*added = true
	}
	settled := w.look(seen)
	w.addFillers(time.Now())
	if err := w.send(ctx, settled, seen); err != nil {
		w.unseen.unsettle(settled)
		return err
	}
	if err := w.sweepIfNeeded(ctx); err != nil {
		return err
	}
	w.acknowledge(time.Now())
	return w.beat(ctx, time.Now())
}

func hasOps(commits []*commit) bool {
	for _, c := range commits {
		if len(c.ops) > 0 || c.bulk {
			return true
		}
	}
	return false
}

// addCommits adds the calls of commits to the journal. A commit that the snapshot does not show is remembered until one does.
func (w *worker) addCommits(commits []*commit, seen capture.Snapshot) {
	var ops []keyed
	h := hold{}
	if len(commits) > 0 && !w.began {
		w.began = true
		w.sweep = w.sweep || w.node.inherited < commits[0].lsn // commits in between are in no journal and in no stream
	}
	for _, c := range commits {
		first := len(ops)
		for _, o := range c.ops {
			ops = append(ops, keyed{o, c.lsn, c.xid})
		}
		if c.bulk {
			ops = append(ops, keyed{op{}, c.lsn, c.xid})
			w.sweep = true
		}
		if c.xid != 0 && first < len(ops) && !seen.Shows(uint64(c.xid)) {
			w.unseen.add(c.xid, c.lsn, ops[first:len(ops):len(ops)])
			h.unseen = append(h.unseen, c.xid)
		}
		h.end, h.lsn = c.end, c.lsn
	}
	if len(commits) == 0 {
		return
	}
	w.journal.add(ops, h.lsn)
	h.number = w.journal.number
	w.held = append(w.held, h)
	if w.options.PlainFillers {
		w.fillers.schedule(ops, time.Now())
	}
}

// look takes the commits that a snapshot shows from the unseen ones: they are invalidated once more, and settled.
func (w *worker) look(seen capture.Snapshot) []settlement {
	settled := w.unseen.take(seen)
	for _, s := range settled {
		w.journal.add(s.again(), 0)
	}
	return settled
}

// addFillers adds the delayed invalidations for plain fillers that are due.
func (w *worker) addFillers(now time.Time) { w.journal.add(w.fillers.due(now), 0) }

// acknowledge reports what is applied, and what is durable since hold has passed and the source shows it.
func (w *worker) acknowledge(now time.Time) {
	for i := range w.held {
		if h := &w.held[i]; h.applied.IsZero() {
			h.applied = now
			w.applied = h.end
		}
	}
	w.lane.OnApplied(w.applied)
	n := 0
	for n < len(w.held) && now.Sub(w.held[n].applied) >= w.options.Hold && !w.unseen.any(w.held[n].unseen) {
		n++
	}
	if n > 0 {
		w.journal.trim(w.held[n-1].number)
		w.lane.OnDurable(w.held[n-1].end)
		w.held = w.held[n:]
	}
}

// hold is a batch of commits between its application and the end of hold.
type hold struct {
	end     capture.Position
	lsn     protocol.LSN
	number  uint64         // of its last call
	unseen  []protocol.XID // commits that the source did not show when they were applied
	applied time.Time      // zero: not yet
}

// timer fires when there is work besides new commits.
func (w *worker) timer() <-chan time.Time {
	wait := time.Until(w.nextBeat)
	if len(w.unseen.commits) > 0 {
		wait = lookPause
	}
	if due, any := w.fillers.next(); any {
		wait = min(wait, time.Until(due))
	}
	if len(w.held) > 0 && !w.held[0].applied.IsZero() {
		wait = min(wait, max(time.Until(w.held[0].applied.Add(w.options.Hold)), lookPause))
	}
	return time.After(max(wait, 0))
}

func (w *worker) block(p *capture.Problem) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.blocked == nil || w.blocked.State != p.State {
		w.since = time.Now()
	}
	w.blocked = p
}

func (w *worker) unblock() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocked = nil
}
