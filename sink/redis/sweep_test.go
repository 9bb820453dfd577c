package redis_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// noScan is a hook of a connection on which SCAN fails, so that no sweep ends, while it is true.
type noScan struct{ atomic.Bool }

func (n *noScan) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (n *noScan) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		if cmd.Name() == "scan" && n.Load() {
			return errors.New("the connection is cut")
		}
		return next(ctx, cmd)
	}
}

func (n *noScan) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

// useHook adds the hook to the connections of later writers.
func (r *rig) useHook(n *noScan) {
	connect := r.options.Client
	r.options.Client = func() (*goredis.Client, error) {
		client, err := connect()
		client.AddHook(n)
		return client, err
	}
}

func (r *rig) watermark() string {
	return r.client.Get(r.Context(), r.control.Base()+":watermark").Val()
}

// A daemon that is killed during a sweep leaves it to the next one.
func TestSweepOutlivesADaemon(t *testing.T) {
	for _, c := range []struct {
		name  string
		start capture.LSN
		alter func(*capture.Origin)
	}{
		{"after a gap", 5000, func(*capture.Origin) {}},
		{"on another timeline", 1000, func(o *capture.Origin) { o.Timeline = 2 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.open()
			r.awaitApplied(r.commit(7, "order:1"))
			r.await("the heartbeat", func() bool {
				h, err := r.library.ReadHeartbeat(t.Context(), r.control)
				return err == nil && h.Epoch != ""
			})
			r.writer.Close()
			r.client.Set(t.Context(), "order:5", "v", 0)

			killed, hook := newSuccessor(r), &noScan{}
			hook.Store(true)
			killed.useHook(hook)
			killed.lsn = c.start
			c.alter(&killed.origin)
			killed.open()
			killed.commit(8, "order:1")
			killed.await("the failure", func() bool { return killed.sink.Health().Blocked != nil })
			if h, err := r.library.ReadHeartbeat(t.Context(), r.control); err != nil || h.Epoch != "" {
				t.Errorf("a heartbeat during the sweep: %+v, %v", h, err)
			}
			killed.writer.Close()

			next := newSuccessor(killed)
			next.lsn = c.start
			next.options = r.options
			next.open()
			next.awaitApplied(next.commit(8, "order:1"))
			if next.has("order:5") {
				t.Error("a value that may lack commits is still there")
			}
		})
	}
}

// A Redis that has lost a sweep is swept again, whether it has the namespace's section or not.
func TestLostSweepIsRepeated(t *testing.T) {
	for _, lost := range []string{"the sweep", "the section too"} {
		t.Run(lost, func(t *testing.T) {
			r, hook := newRig(t), &noScan{}
			r.useHook(hook)
			r.open()
			r.awaitApplied(r.commit(7, "order:1"))
			before := r.watermark()
			hook.Store(true)
			r.lsn += 100
			end := capture.Position{LSN: r.lsn + 50}
			tx := &capture.Tx{LSN: r.lsn, XID: 9, Time: time.Now()}
			r.write(sink.Batch{End: end, Commit: true, Events: []transform.Event{{Change: &capture.Change{Tx: tx}, Type: transform.Invalidate}}})
			r.await("the section", func() bool { return r.watermark() != before })
			if lost == "the sweep" {
				before = r.watermark()
			}
			hook.Store(false)
			r.awaitApplied(end)

			r.client.Set(t.Context(), "order:5", "v", 0)
			r.client.Set(t.Context(), r.control.Base()+":watermark", before, 0)
			r.awaitApplied(r.commit(10, "order:1"))
			if r.has("order:5") {
				t.Error("a value from before the truncation is still there")
			}
		})
	}
}

func TestLostOwnerIsTakenOverAgain(t *testing.T) {
	r := newRig(t)
	r.open()
	r.awaitApplied(r.commit(7, "order:1"))
	r.client.Del(t.Context(), r.control.Base()+":owner")
	r.awaitApplied(r.commit(8, "order:1"))
}
