package redis_test

import (
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// What Redis cannot lose is not held: the rows of a first copy, and the positions of an idle source. The first start ends with the copy.
func TestWhatIsNotHeld(t *testing.T) {
	r := newRig(t)
	r.open()
	durable := func(p capture.Position) {
		t.Helper()
		r.await("durable", func() (is bool) { r.set(func() { is = !r.durable.Before(p) }); return is })
	}
	r.lsn += 100
	copied := &capture.Tx{LSN: r.lsn, Time: time.Now()}
	end := capture.Position{LSN: r.lsn + 1}
	r.write(sink.Batch{End: end, Commit: true, EndsSnapshot: true, Events: []transform.Event{{
		Change: &capture.Change{Tx: copied, Op: capture.Read}, Type: transform.Refresh, Key: []byte("order:1"), HasKey: true,
		Data: []byte("{}"), HasData: true,
	}}})
	durable(end)
	if !r.has("order:1") {
		t.Error("the copied value is missing")
	}
	idle := capture.Position{LSN: r.lsn + 100}
	r.write(sink.Batch{End: idle, Commit: true})
	durable(idle)
	r.lsn += 200
	held := r.commit(7, "order:2")
	r.write(sink.Batch{End: capture.Position{LSN: held.LSN + 100}, Commit: true})
	r.awaitApplied(capture.Position{LSN: held.LSN + 100})
	r.set(func() {
		if !r.durable.Before(held) {
			t.Errorf("an invalidation is durable before the hold: %s", r.durable)
		}
	})
}
