package kafka

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/format/formats"
	"github.com/tailrace/tailrace/sink/kafka/fencing"
	"github.com/tailrace/tailrace/sink/kafka/wire"
	"github.com/tailrace/tailrace/transform"
)

// hotWriter is a Writer that knows a topic and no broker: what it queues, store takes.
func hotWriter(tb testing.TB, name string, partitions int) *Writer {
	enc, err := formats.New(name, format.Options{Pipeline: "shop"})
	if err != nil {
		tb.Fatal(err)
	}
	t := &topic{name: "orders", limit: 1 << 20}
	for i := range partitions {
		t.parts = append(t.parts, &partition{topic: t, id: int32(i), leader: -1})
	}
	w := &Writer{
		sink: &Sink{limit: inFlightBytes}, enc: enc, names: map[tableName]string{{"public", "orders"}: "orders"},
		topics: map[string]*topic{"orders": t}, senders: map[int32]*sender{0: {}}, commits: commitState{inFlight: true},
	}
	w.changed.L = &w.mu
	return w
}

// store answers everything that is queued, as a broker would that stores it.
func (w *Writer) store(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.topics["orders"].parts {
		for len(p.queue) > 0 {
			b := p.take(now)
			w.senders[0].writes.Encode(1, []wire.Part{b.wirePart(fencing.Producer{})})
			p.pending--
			w.batchStoredLocked(b, now)
			b.records.Free()
		}
	}
	w.advanceLocked()
}

// hotRows is a transaction of 1,000 rows of six columns and about 100 bytes.
func hotRows() sink.Batch {
	of := func(name string, k capture.TypeKind) capture.Column {
		return capture.Column{Name: name, Type: &capture.Type{Name: name, Kind: k}}
	}
	t := &capture.Table{Schema: "public", Name: "orders", Key: []int{0}, Columns: []capture.Column{
		of("id", capture.KindInt), of("customer_id", capture.KindInt), of("status", capture.KindText),
		of("total", capture.KindNumeric), of("note", capture.KindText), of("updated_at", capture.KindTimestampTZ),
	}}
	tx := &capture.Tx{LSN: 0x1000, XID: 7}
	b := sink.Batch{Commit: true}
	for i := range 1000 {
		c := &capture.Change{Tx: tx, Seq: uint64(i), Table: t}
		for _, text := range []string{
			strconv.Itoa(1_000_000 + i), "42", "paid", "1234.50", "a note of some forty characters, no. 12", "2026-11-23 10:00:00.123456+00",
		} {
			c.After = append(c.After, capture.Value{Kind: capture.Text, Bytes: []byte(text)})
		}
		b.Events = append(b.Events, transform.Event{Change: c})
	}
	return b
}

// pass writes 1,000 rows and has them stored.
func pass(tb testing.TB, w *Writer, b *sink.Batch, now time.Time) {
	b.End.LSN += 0x1000
	if err := w.Write(tb.Context(), []sink.Batch{*b}); err != nil {
		tb.Fatal(err)
	}
	w.store(now)
}

// BenchmarkStage is 1,000 rows' way through the writer: format, partition, queue, sequence numbers, request, settled. What
// the network costs is BenchmarkWrite's.
func BenchmarkStage(b *testing.B) {
	for _, name := range []string{format.JSON, format.CloudEvents} {
		for _, partitions := range []int{1, 12} {
			b.Run(fmt.Sprintf("%s/partitions=%d", name, partitions), func(b *testing.B) {
				w, rows, now := hotWriter(b, name, partitions), hotRows(), time.Now()
				b.ReportAllocs()
				for b.Loop() {
					pass(b, w, &rows, now)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
			})
		}
	}
}

// A row is encoded into memory that is used again. What is left are batches and, in the place of their spans, lists.
func TestStageAllocations(t *testing.T) {
	for _, c := range []struct {
		format     string
		partitions int
		most       float64 // allocations for 1,000 rows
	}{{format.JSON, 1, 8}, {format.JSON, 12, 60}, {format.CloudEvents, 1, 8}, {format.CloudEvents, 12, 70}} {
		w, rows, now := hotWriter(t, c.format, c.partitions), hotRows(), time.Now()
		run := func() { pass(t, w, &rows, now) }
		// What else runs in the test binary can only add.
		n := min(testing.AllocsPerRun(30, run), testing.AllocsPerRun(30, run), testing.AllocsPerRun(30, run))
		t.Logf("%s into %d partitions: %v allocations for 1,000 rows", c.format, c.partitions, n)
		if n > c.most {
			t.Errorf("%s into %d partitions: %v allocations for 1,000 rows, at most %v are allowed", c.format, c.partitions, n, c.most)
		}
		if w.acks.bytes != 0 || len(w.acks.list) != 0 || w.unacked != 0 {
			t.Errorf("%s into %d partitions: something is not stored: this tests nothing", c.format, c.partitions)
		}
	}
}

// largeRows is a transaction of ten rows with a text of size bytes.
func largeRows(size int) sink.Batch {
	b := hotRows()
	b.Events = b.Events[:10]
	for i := range b.Events {
		b.Events[i].Change.After[4].Bytes = bytes.Repeat([]byte("x"), size)
	}
	return b
}

// BenchmarkStageLarge is ten rows of 100 KB through the writer.
func BenchmarkStageLarge(b *testing.B) {
	for _, name := range []string{format.JSON, format.CloudEvents} {
		b.Run(name, func(b *testing.B) {
			w, rows, now := hotWriter(b, name, 1), largeRows(100_000), time.Now()
			b.ReportAllocs()
			b.SetBytes(1_000_000)
			for b.Loop() {
				pass(b, w, &rows, now)
			}
		})
	}
}

// A large row is encoded once, into memory that is used again.
func TestStageAllocationsOfLargeRows(t *testing.T) {
	for _, name := range []string{format.JSON, format.CloudEvents} {
		for _, size := range []int{20_000, 100_000, 800_000} {
			w, rows, now := hotWriter(t, name, 1), largeRows(size), time.Now()
			run := func() { pass(t, w, &rows, now) }
			run()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range 20 {
				run()
			}
			runtime.ReadMemStats(&after)
			n, bytes := (after.Mallocs-before.Mallocs)/200, (after.TotalAlloc-before.TotalAlloc)/200
			t.Logf("%s, rows of %d bytes: %d allocations and %d bytes a row", name, size, n, bytes)
			if n > 6 || bytes > uint64(1000+size/20) {
				t.Errorf("%s, rows of %d bytes: %d allocations and %d bytes a row, at most 6 and %d are allowed", name, size, n, bytes, 1000+size/20)
			}
		}
	}
}
