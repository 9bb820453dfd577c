package redis

import (
	"context"
	"errors"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// The rhythm of the worker.
const (
	batchKeys    = 256              // about how many keys one snapshot serves
	beatPause    = time.Second      // between heartbeats
	heartbeatTTL = 10 * time.Second // a standby fills nothing once it has expired
	callDeadline = 5 * time.Second  // a call that Redis gets later does nothing
)

// worker applies commits in order. Its goroutine owns everything but the queue and what is below mu.
type worker struct {
	options    Options
	lane       sink.Lane
	log        *zap.Logger
	queue      *queue
	node       *node
	journal    journal
	snapshot   snapshots
	unseen     unseen
	settled    []settlement // seen visible and not settled yet
	fillers    fillers
	commitTime time.Time // of the last transaction that was applied, by the source's clock
	commitAt   time.Time // when it was applied
	lost       bool      // Redis has lost writes, and repair has not ended
	held       []hold
	applied    capture.Position
	sweep      sweep
	floor      floor
	nextBeat   time.Time
	lastBeat   time.Time
	repaired   bool // no heartbeat until everything is applied again
	lastLoss   time.Time
	backoff    capture.Backoff

	mu     sync.Mutex
	health sink.Health
	sizes  sizes
}

// run applies commits until ctx ends or the worker has failed.
func (w *worker) run(ctx context.Context) error {
	defer w.snapshot.close()
	defer w.node.client.Close()
	defer context.AfterFunc(ctx, func() { _ = w.node.client.Close() })() // ends a call that waits for an answer
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(w.pause(time.Now()))
		commits, err := w.queue.take(ctx, w.limit(), timer.C)
		if err != nil {
			return nil // the end of ctx
		}
		if err := w.persist(ctx, commits); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// limit returns how many keys to take; 0 while those that are kept for later have reached a bound, and during a sweep, which would delete
// the values of later commits.
func (w *worker) limit() int {
	if w.sweep.active() || w.unseen.bytes >= w.options.Unseen || w.fillers.bytes >= w.options.Fillers {
		return 0
	}
	return batchKeys
}

// pause returns how long the worker has nothing to do without new commits.
func (w *worker) pause(now time.Time) time.Duration {
	if w.sweep.active() {
		return 0
	}
	at := w.nextBeat
	sooner := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	if len(w.unseen.commits) > 0 {
		sooner(w.snapshot.next)
	}
	if due, waits := w.fillers.next(); waits {
		sooner(due)
	}
	if len(w.held) > 0 && !w.held[0].applied.IsZero() {
		if end := w.held[0].applied.Add(w.options.Hold); end.After(now) {
			sooner(end) // one that has passed waits for the source, or for a watermark with the next heartbeat
		}
	}
	return max(at.Sub(now), 0)
}

// persist applies commits, with as many attempts as it takes.
func (w *worker) persist(ctx context.Context, commits []*commit) error {
	added := false
	for {
		err := w.apply(ctx, commits, &added)
		switch {
		case err == nil:
			w.backoff.Reset()
			w.report(nil)
			return nil
		case errors.Is(err, protocol.ErrFenced):
			return sink.ErrFenced
		case ctx.Err() != nil:
			return ctx.Err()
		case goredis.HasErrorPrefix(err, "OOM") && w.journal.degrade():
			w.full(err)
			continue
		}
		if p := w.options.problem(err); p.State == keyShared || errors.As(err, new(sourceError)) {
			return p
		}
		w.log.Debug("apply", zap.Error(err))
		if err := w.recover(ctx, err); err != nil {
			return err
		}
	}
}

// apply adds the commits to the journal, and what is due by now, and sends what is pending.
func (w *worker) apply(ctx context.Context, commits []*commit, added *bool) error {
	now := time.Now()
	seen, err := w.look(ctx, hasOps(commits) && !*added, now)
	if err != nil {
		return err
	}
	if !*added {
		w.addCommits(commits, seen, now)
		*added = true
	}
	w.addShown(seen)
	w.addFillers(now)
	if !w.sweep.complete(w.sweep.afterLoss) {
		return w.sweepOn(ctx) // before what is pending is sent
	}
	beat := !now.Before(w.nextBeat)
	if beat {
		w.journal.mark()
	}
	if err := w.send(ctx); err != nil {
		return err
	}
	if err := w.sweepOn(ctx); err != nil {
		return err
	}
	if err := w.send(ctx); err != nil { // the watermark of a sweep that has ended
		return err
	}
	w.acknowledge(time.Now())
	if beat {
		return w.beat(ctx, time.Now())
	}
	return nil
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
func (w *worker) addCommits(commits []*commit, seen capture.Snapshot, now time.Time) {
	if len(commits) == 0 {
		return
	}
	var ops []keyed
	h := hold{began: now}
	for _, c := range commits {
		first := len(ops)
		for _, o := range c.ops {
			ops = append(ops, keyed{o, c.lsn, c.xid})
		}
		if c.bulk {
			ops = append(ops, keyed{op{}, c.lsn, c.xid})
			w.sweep.request()
		}
		if c.xid != 0 {
			h.time = c.time
		}
		h.loses = h.loses || c.xid != 0 && first < len(ops)
		if c.xid != 0 && first < len(ops) && !seen.Shows(uint64(c.xid)) {
			w.unseen.add(settlement{xid: c.xid, ops: ops[first:len(ops):len(ops)], since: now})
			h.unseen = append(h.unseen, c.xid)
			w.snapshot.hurry(now)
		}
		h.end, h.lsn = c.end, c.lsn
	}
	w.journal.add(ops, h.lsn)
	h.number, h.sweep = w.journal.number, w.sweep.requested
	w.hold(h)
	if w.options.PlainFillers {
		w.fillers.schedule(ops, now)
	}
}

// addShown adds the second invalidation of the commits that a snapshot shows.
func (w *worker) addShown(seen capture.Snapshot) {
	shown := w.unseen.take(seen)
	if len(shown) == 0 {
		return
	}
	w.snapshot.shown()
	w.settled = append(w.settled, shown...)
	var ops []keyed
	for _, s := range shown {
		ops = append(ops, s.again(w.node.inherited)...)
	}
	w.repeat(ops)
	if w.options.PlainFillers { // one that has read before the commits were visible may store a value yet
		w.fillers.schedule(ops, time.Now())
	}
}

// addFillers adds the delayed invalidations for plain fillers that are due.
func (w *worker) addFillers(now time.Time) { w.repeat(w.fillers.due(now)) }

// repeat adds invalidations that were made before. A plain filler does not know the namespace's section, so its keys are swept again.
func (w *worker) repeat(ops []keyed) {
	for _, o := range ops {
		if o.key == "" && w.options.PlainFillers {
			w.sweep.request()
		}
	}
	w.journal.add(ops, 0)
}
