package pipeline

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/tail"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// hole makes everything durable at once.
type hole struct{ onDurable func(capture.Position) }

func (h hole) Write(_ context.Context, batches []sink.Batch) error {
	h.onDurable(batches[len(batches)-1].End)
	return nil
}

func (hole) Close() error { return nil }

// hotLane is a window with sinks that only take, each with the chain of the daemon and, if tapped, the ring of `tailrace tail`.
func hotLane(tb testing.TB, sinks int, tapped bool) func(run []capture.Batch) {
	w := newWindow(64<<20, at(0), sinks, func(int, time.Duration) {})
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "events"})
	var ds []*sinkRunner
	for i := range sinks {
		r := &sinkRunner{index: i, chain: transform.NewChain(transform.Step{Name: "key change", Func: transform.SplitKeyChange}), log: zap.NewNop(), failed: make(chan struct{})}
		r.metrics.events = counter
		if tapped {
			r.tap = &tail.Ring{}
		}
		r.writer = hole{func(p capture.Position) { w.setDurable(i, p) }}
		ds = append(ds, r)
	}
	return func(run []capture.Batch) {
		for _, b := range run {
			if err := w.append(tb.Context(), b); err != nil {
				tb.Fatal(err)
			}
		}
		for i, r := range ds {
			got, n, err := w.read(tb.Context(), i, maxWrite, r.failed)
			if err == nil {
				err = r.write(tb.Context(), got)
			}
			if err != nil || n != len(run) {
				tb.Fatal(n, err)
			}
			w.accept(i, n)
		}
	}
}

// transactions are batches of 1,000 rows in all; the positions of the next ones follow.
func transactions(n int, last *capture.LSN) (run []capture.Batch) {
	table := &capture.Table{Schema: "public", Name: "t"}
	for range n {
		*last += 0x1000
		b := batch(*last, 1000/n, 100*1000/n)
		for i := range b.Changes {
			b.Changes[i].Table = table
		}
		run = append(run, b)
	}
	return run
}

// renumber moves a run on, so that it can pass the window once more.
func renumber(run []capture.Batch, last *capture.LSN) {
	for i := range run {
		*last += 0x1000
		run[i].End = at(*last)
	}
}

// BenchmarkLane is the way of 1,000 rows through the window and the chains to the sinks' Write.
func BenchmarkLane(b *testing.B) {
	for _, batches := range []int{1, 100} {
		for _, sinks := range []int{1, 5} {
			for _, tapped := range []bool{false, true} {
				b.Run(fmt.Sprintf("batches=%d/sinks=%d/tapped=%v", batches, sinks, tapped), func(b *testing.B) {
					var last capture.LSN
					pass, run := hotLane(b, sinks, tapped), transactions(batches, &last)
					b.ReportAllocs()
					for b.Loop() {
						renumber(run, &last)
						pass(run)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
				})
			}
		}
	}
}

// Rows cost nothing between the source and the sinks, batches a few allocations each.
func TestLaneAllocations(t *testing.T) {
	for _, c := range []struct {
		batches, sinks int
		most           float64 // allocations for all 1,000 rows, with or without a tap
	}{{1, 1, 12}, {100, 1, 119}, {1, 5, 52}, {100, 5, 187}} {
		var last capture.LSN
		pass, run := hotLane(t, c.sinks, true), transactions(c.batches, &last)
		rows := func() {
			renumber(run, &last)
			pass(run)
		}
		// What else runs in the test binary can only add.
		n := min(testing.AllocsPerRun(50, rows), testing.AllocsPerRun(50, rows), testing.AllocsPerRun(50, rows))
		t.Logf("%d batches, %d sinks: %v allocations for 1,000 rows", c.batches, c.sinks, n)
		if n > c.most {
			t.Errorf("%d batches, %d sinks: %v allocations for 1,000 rows, at most %v are allowed", c.batches, c.sinks, n, c.most)
		}
	}
}
