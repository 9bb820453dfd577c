package kafka_test

import (
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/kafka/topics"
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
		Name: "main", OnDurable: func(p capture.Position) { held <- p }, Failed: func(err error) { b.Error(err) },
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

// BenchmarkFirstRecords writes the first record to each of 1,000 topics, which a Write is handed together or one by one, and
// waits until all are held. open-ms is what Open takes.
func BenchmarkFirstRecords(b *testing.B) {
	needServers(b)
	const count = 1000
	server := testenv.SharedKafka(b)
	existing := pipeline()
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("%s.public.t%d", existing, i)
	}
	createAll(b, server, names)
	for _, together := range []bool{true, false} {
		for _, c := range []struct {
			name     string
			creates  bool
			before   bool // there was a Writer before
			recorded bool // which has left a record
		}{
			{name: "existing"}, {name: "create", creates: true}, {name: "later", before: true}, {name: "recorded", before: true, recorded: true},
		} {
			b.Run(fmt.Sprintf("%s/together=%t", c.name, together), func(b *testing.B) {
				for range b.N {
					b.StopTimer()
					o := options(server.Brokers(), "")
					o.ProgressTopic = o.Pipeline + ".progress"
					prefix := existing
					if c.creates {
						prefix = o.Pipeline
						o.Create = &topics.Creation{Partitions: 1, Replication: 1}
					}
					o.Topic = func(schema, table string) (string, error) { return prefix + "." + schema + "." + table, nil }
					if c.before {
						w := openBench(b, quiet(b, o))
						if c.recorded {
							w.first(count, true)
						}
						w.Close()
					}
					began := time.Now()
					s := quiet(b, o)
					w := openBench(b, s)
					b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "open-ms")
					b.StartTimer()
					w.first(count, together)
					b.StopTimer()
					w.Close()
					s.Close()
				}
			})
		}
	}
}

// createAll creates topics of one partition in one request.
func createAll(b *testing.B, server *testenv.KafkaServer, names []string) {
	b.Helper()
	controller, err := server.Client(b).Controller()
	if err != nil {
		b.Fatal(err)
	}
	r := &sarama.CreateTopicsRequest{Version: 5, Timeout: time.Minute, TopicDetails: map[string]*sarama.TopicDetail{}}
	for _, n := range names {
		r.TopicDetails[n] = &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}
	}
	if _, err := controller.CreateTopics(r); err != nil {
		b.Fatal(err)
	}
	server.AwaitTopic(b, names[len(names)-1])
}

// quiet is a sink that logs nothing.
func quiet(b *testing.B, o kafka.Options) *kafka.Sink {
	b.Helper()
	s, err := kafka.New(o, zap.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	return s
}

type benchWriter struct {
	sink.Writer
	b    *testing.B
	from capture.LSN // what is held at Open
	held chan capture.Position
}

func openBench(b *testing.B, s *kafka.Sink) *benchWriter {
	b.Helper()
	w := &benchWriter{b: b, held: make(chan capture.Position, 1<<16)}
	var had sink.Progress
	var err error
	w.Writer, had, err = s.Open(b.Context(), sink.Lane{
		Name: "main", OnDurable: func(p capture.Position) { w.held <- p }, Failed: func(err error) { b.Error(err) },
	})
	if err != nil {
		b.Fatal(err)
	}
	w.from = had.Position.LSN
	return w
}

// first writes a row of each of so many tables, each in a transaction of its own, and waits until all are held.
func (w *benchWriter) first(tables int, together bool) {
	table, row := wide()
	var batches []sink.Batch
	for i := range tables {
		t := *table
		t.Name = fmt.Sprintf("t%d", i)
		at := w.from + capture.LSN(0x10000*(i+1))
		e := transform.Event{Change: &capture.Change{Tx: &capture.Tx{LSN: at, Time: time.Now()}, Table: &t, After: row(i)}}
		batches = append(batches, sink.Batch{Events: []transform.Event{e}, Commit: true, End: capture.Position{LSN: at + 0x100}})
	}
	n := len(batches)
	if !together {
		n = 1
	}
	for some := range slices.Chunk(batches, n) {
		if err := w.Write(w.b.Context(), some); err != nil {
			w.b.Fatal(err)
		}
	}
	for p := range w.held {
		if !p.Before(batches[len(batches)-1].End) {
			return
		}
	}
}
