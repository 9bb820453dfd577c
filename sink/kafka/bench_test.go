package kafka_test

import (
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/transform"
)

// BenchmarkWrite writes rows of six columns into a real Kafka, in transactions of 1,000 rows and of one. cpu-us/row is
// all CPU of this process: format, writer and network.
func BenchmarkWrite(b *testing.B) {
	needServers(b)
	server := testenv.SharedKafka(b)
	for _, format := range []string{"json", "cloudevents"} {
		for _, c := range []struct {
			rows, batches int
			partitions    int32
		}{{1000, 1, 1}, {1000, 1, 12}, {1, 100, 1}, {1, 1, 1}} {
			b.Run(fmt.Sprintf("%s/rows=%d/batches=%d/partitions=%d", format, c.rows, c.batches, c.partitions), func(b *testing.B) {
				topic := testenv.NewTopic(b, server, c.partitions)
				o := options(server.Brokers(), topic)
				o.Format = format
				benchmark(b, o, c.rows, c.batches)
			})
		}
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchmark(b *testing.B, o kafka.Options, rows, batches int) {
	s := newSink(b, o)
	defer s.Close()
	held := make(chan capture.Position, 1<<16)
	w, _, err := s.Open(b.Context(), sink.Lane{
		Name: "main", Held: func(p capture.Position) { held <- p }, Failed: func(err error) { b.Error(err) },
	})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	table, row := wide()
	lsn := capture.LSN(0x1000)
	var last capture.Position
	next := func() (out []sink.Batch) {
		for range batches {
			lsn += 0x10000
			tx := &capture.Tx{LSN: lsn, Time: time.Now(), XID: 7}
			t := sink.Batch{Commit: true, End: capture.Position{LSN: lsn + 0x100}}
			for i := range rows {
				t.Events = append(t.Events, transform.Event{Change: &capture.Change{
					Tx: tx, Seq: uint64(i), Table: table, After: row(int(lsn>>16)*rows + i),
				}})
			}
			last = t.End
			out = append(out, t)
		}
		return out
	}
	prepared := make([][]sink.Batch, 64)
	for i := range prepared {
		prepared[i] = next()
	}
	if err := w.Write(b.Context(), next()); err != nil { // the topic is known from here on
		b.Fatal(err)
	}
	b.ReportAllocs()
	before := cpu()
	b.ResetTimer()
	n := 0
	for i := 0; n < b.N; i++ {
		for j := range prepared[i%64] { // positions grow, the rows come again
			lsn += 0x10000
			last = capture.Position{LSN: lsn}
			prepared[i%64][j].End = last
		}
		if err := w.Write(b.Context(), prepared[i%64]); err != nil {
			b.Fatal(err)
		}
		n += rows * batches
	}
	for p := range held {
		if !p.Before(last) {
			break
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/1000/float64(n), "cpu-us/row")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}

// wide is a table of six columns and about 100 bytes a row.
func wide() (*capture.Table, func(id int) []capture.Value) {
	col := func(name, typ string, kind capture.TypeKind) capture.Column {
		return capture.Column{Name: name, Type: &capture.Type{Name: typ, Kind: kind}, Modifier: -1}
	}
	t := &capture.Table{OID: 1, Schema: "public", Name: "orders", Key: []int{0}, Columns: []capture.Column{
		col("id", "int8", capture.KindInt), col("customer_id", "int8", capture.KindInt), col("status", "text", capture.KindText),
		col("total", "numeric", capture.KindNumeric), col("note", "text", capture.KindText),
		col("updated_at", "timestamptz", capture.KindText),
	}}
	text := func(s string) capture.Value { return capture.Value{Kind: capture.Text, Bytes: []byte(s)} }
	return t, func(id int) []capture.Value {
		return []capture.Value{
			text(strconv.Itoa(id)), text("42"), text("paid"), text("1234.50"),
			text("a note of some forty characters, no. 12"), text("2026-11-23 10:00:00.000000+00"),
		}
	}
}

// BenchmarkIdle writes one row at a time into an idle line and waits until it is stored: the latency that the sink adds
// to an acknowledgement of Kafka's.
func BenchmarkIdle(b *testing.B) {
	needServers(b)
	server := testenv.SharedKafka(b)
	s := newSink(b, options(server.Brokers(), testenv.NewTopic(b, server, 1)))
	defer s.Close()
	w, _, err := s.Open(b.Context(), laneOf(b))
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	table, row := wide()
	took := make([]time.Duration, 0, b.N)
	for i := range b.N {
		tx := &capture.Tx{LSN: capture.LSN(i+1) << 8, Time: time.Now()}
		e := transform.Event{Change: &capture.Change{Tx: tx, Table: table, After: row(i)}}
		begin := time.Now()
		err := w.Write(b.Context(), []sink.Batch{{Events: []transform.Event{e}, End: capture.Position{LSN: tx.LSN + 1}, Commit: true}})
		if err != nil {
			b.Fatal(err)
		}
		for s.Counts().Records <= int64(i) {
			time.Sleep(20 * time.Microsecond)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}
