package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache/protocol"
)

// The bounds of one pipeline: calls, and bytes unless its only call has more.
const (
	pipelineCalls = 64
	pipelineBytes = 4 << 20
)

// nextCalls returns the calls of the next pipeline.
func (j *journal) nextCalls() []*call {
	calls := j.pending()
	n, bytes := 0, 0
	for n < len(calls) && n < pipelineCalls && (n == 0 || bytes+calls[n].bytes <= pipelineBytes) {
		bytes += calls[n].bytes
		n++
	}
	return calls[:n]
}

// send sends the pending calls, and the settlements of commits that the source shows by now.
func (w *worker) send(ctx context.Context) error {
	for {
		calls := w.journal.nextCalls()
		last := len(calls) == len(w.journal.pending())
		if len(calls) == 0 && len(w.settled) == 0 {
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
			xmin := protocol.XID(w.snapshot.last.Xmin)
			for batch := range settlements(w.settled) {
				cmds = append(cmds, w.node.library.Settle(ctx, pipe, w.node.guard(expected), w.node.epoch, xmin, batch))
			}
		}
		if err := w.exec(ctx, pipe, calls, cmds); err != nil {
			return err
		}
		if last {
			w.settled = nil
			return nil
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
	if c.isRefresh() && !c.degraded && c.number > w.journal.reached && c.ops[0].lsn > w.node.inherited {
		return w.node.library.Refresh(ctx, pipe, o, c.watermark, w.node.epoch, w.refreshment(c.ops[0]))
	}
	batch := make([]protocol.Invalidation, 0, len(c.ops))
	for _, k := range c.ops {
		batch = append(batch, protocol.Invalidation{Key: k.key, Commit: w.commit(k)})
	}
	return w.node.library.Invalidate(ctx, pipe, o, c.watermark, w.node.epoch, batch)
}

func (c *call) isRefresh() bool { return len(c.ops) == 1 && c.ops[0].refresh }

func (w *worker) refreshment(k keyed) protocol.Refreshment {
	r := protocol.Refreshment{Key: k.key, Commit: w.commit(k), TTL: w.options.value(k.key).TTL, Fields: k.fields}
	if k.value != nil {
		text := string(k.value)
		r.Value = &text
	}
	return r
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
