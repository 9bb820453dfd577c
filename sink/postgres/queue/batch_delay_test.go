package queue

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// A transaction is taken immediately while few arrive, and waits briefly for others while many do, but never longer than it takes
// to fill a group.
func TestPace(t *testing.T) {
	const transactions = 50_000
	for _, c := range []struct {
		name     string
		every    time.Duration
		size     int // bytes of a row's text
		low, top int // bounds of the transactions per group
	}{
		{"1,000 a second", time.Millisecond, 10, 1, 1},
		{"20,000 a second", 50 * time.Microsecond, 10, 90, 110},
		{"200,000 a second", 5 * time.Microsecond, 10, 3500, 4500},
		{"20,000 large ones a second", 50 * time.Microsecond, 64 << 10, 3, 5},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := New()
			go func() {
				for i := range transactions {
					time.Sleep(c.every)
					row := []capture.Value{{Kind: capture.Text, Bytes: make([]byte, c.size)}}
					tx := &capture.Tx{LSN: capture.LSN(16 * (i + 1))}
					b := sink.Batch{Commit: true, End: capture.Position{LSN: tx.LSN + 8}}
					b.Events = []transform.Event{{Change: &capture.Change{Tx: tx, Op: capture.Insert, After: row}}}
					if q.Put(context.Background(), []sink.Batch{b}) != nil {
						return
					}
				}
				q.Fail(context.Canceled)
			}()
			var g Group
			for n := 0; q.Take(&g, time.Now()) == nil; n++ {
				if rows := len(g.Changes); g.End.LSN > 16*transactions/2 && g.End.LSN < 16*(transactions-5000) && (rows < c.low || rows > c.top) {
					t.Fatalf("%s: group %d has %d transactions, not %d to %d", c.name, n, rows, c.low, c.top)
				}
			}
		})
	}
}

// An idle lane that gets one transaction does not wait, whatever its previous rate.
func TestPaceCools(t *testing.T) {
	now := time.Now()
	var p batchDelay
	for range 100 {
		now = now.Add(time.Millisecond)
		p.record(100, now)
	}
	if p.delay.wait == 0 {
		t.Error("100 rows a millisecond are not fast")
	}
	if p.record(1, now.Add(time.Second)); p.delay.wait > 0 {
		t.Error("one row a second is fast")
	}
}
