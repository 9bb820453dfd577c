package redis

import (
	"context"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
)

// pipelineCalls is how many calls one pipeline has at most.
const pipelineCalls = 64

// send sends the pending calls, and the settlements of commits that the source shows by now.
func (w *worker) send(ctx context.Context, settled []settlement, seen capture.Snapshot) error {
	for {
		calls := w.journal.pending()
		last := len(calls) <= pipelineCalls
		if !last {
			calls = calls[:pipelineCalls]
		}
		if len(calls) == 0 && len(settled) == 0 {
			return nil
		}
		pipe := w.node.client.Pipeline()
		expected := w.node.owner.Watermark
		cmds := make([]*goredis.Cmd, 0, len(calls)+1)
		for _, c := range calls {
			cmds = append(cmds, w.queueCall(ctx, pipe, c, expected))
			expected = c.watermark
		}
		if last {
			for batch := range settlements(settled) {
				cmds = append(cmds, w.node.library.Settle(ctx, pipe, w.node.guard(expected), w.node.epoch, protocol.XID(seen.Xmin), batch))
			}
		}
		if err := w.exec(ctx, pipe, calls, cmds); err != nil || last {
			return err
		}
	}
}

// exec runs a pipeline and checks every answer. Calls before the first that failed are acknowledged.
func (w *worker) exec(ctx context.Context, pipe goredis.Pipeliner, calls []*call, cmds []*goredis.Cmd) error {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	_, _ = pipe.Exec(ctx) // each command has its error
	for i, cmd := range cmds {
		if err := protocol.Check(cmd); err != nil {
			return err
		}
		if i < len(calls) {
			w.node.owner.Watermark = calls[i].watermark
			w.journal.acknowledge(1)
		}
	}
	return nil
}

// queueCall queues a call. A refresh that is repeated, or that an earlier daemon may have made, only invalidates.
func (w *worker) queueCall(ctx context.Context, pipe goredis.Pipeliner, c *call, expected string) *goredis.Cmd {
	o := w.node.guard(expected)
	if r := c.ops[0]; r.refresh && c.number > w.journal.reached && r.lsn > w.node.inherited {
		v := protocol.Refreshment{Key: r.key, Commit: w.commit(r), TTL: w.options.TTL(r.key)}
		if r.value != nil {
			text := string(r.value)
			v.Value = &text
		}
		return w.node.library.Refresh(ctx, pipe, o, c.watermark, w.node.epoch, v)
	}
	batch := make([]protocol.Invalidation, 0, len(c.ops))
	for _, k := range c.ops {
		batch = append(batch, protocol.Invalidation{Key: k.key, Commit: w.commit(k)})
	}
	return w.node.library.Invalidate(ctx, pipe, o, c.watermark, w.node.epoch, batch)
}

// commit returns the commit of an op as it is known now.
func (w *worker) commit(k keyed) protocol.Commit {
	return protocol.Commit{LSN: k.lsn, XID: k.xid, Visible: k.xid == 0 || !w.unseen.has(k.xid)}
}

// settlements yields the settlements of commits in batches, each key once.
func settlements(settled []settlement) func(func([]protocol.Settlement) bool) {
	return func(yield func([]protocol.Settlement) bool) {
		index := map[string]int{}
		var batch []protocol.Settlement
		for _, s := range settled {
			for _, o := range s.ops {
				i, known := index[o.key]
				if !known {
					i = len(batch)
					index[o.key] = i
					batch = append(batch, protocol.Settlement{Key: o.key})
				}
				batch[i].XIDs = append(batch[i].XIDs, s.xid)
			}
		}
		for len(batch) > 0 {
			n := min(len(batch), callKeys)
			if !yield(batch[:n]) {
				return
			}
			batch = batch[n:]
		}
	}
}

// beat writes the heartbeat when one is due: everything that this or an earlier daemon had applied is applied.
func (w *worker) beat(ctx context.Context, now time.Time) error {
	if now.Before(w.nextBeat) || w.applied.IsZero() || protocol.LSN(w.applied.Flush()) < w.node.inherited {
		return nil
	}
	applied := protocol.LSN(w.applied.Flush())
	if now.Sub(w.nextBeat) > heartbeatTTL/2 { // the last one may have expired
		w.floor.restart(applied)
	}
	h := protocol.Heartbeat{Epoch: w.node.epoch, Applied: applied, Floor: w.floor.advance(now, applied), Time: now.Add(w.node.offset)}
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	if err := protocol.Check(w.node.library.Beat(ctx, w.node.client, w.node.guard(w.node.owner.Watermark), h, heartbeatTTL)); err != nil {
		return err
	}
	w.nextBeat = now.Add(beatPause)
	return nil
}
