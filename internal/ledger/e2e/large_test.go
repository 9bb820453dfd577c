package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/bufpool"
	product "github.com/tailrace/tailrace/internal/daemon"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink/kafka"
)

const largeFile = `
daemon { listen = %q }

pipeline "large" {
  window = "4MiB"
  source "postgres" {
    url    = %q
    tables = ["public.big"]
  }
  sink "kafka" "json" {
    brokers = [%q]
    format  = "json"
    topic   = "json"
    create_topics {
      partitions = 1
      config     = { "max.message.bytes" = "%[4]d" }
    }
  }
  sink "kafka" "cloudevents" {
    brokers     = [%[3]q]
    format      = "cloudevents"
    topic       = "cloudevents"
    compression = "lz4"
    create_topics {
      partitions = 1
      config     = { "max.message.bytes" = "%[4]d" }
    }
  }
}
`

// largest is the largest record that the topics of the test accept, in bytes.
const largest = 100 << 20

// TestLargeRows checks that rows on both sides of every size at which memory is allocated differently arrive as they were
// written, among small ones, through two sinks of different speed, while connections are cut during requests. Released
// memory is overwritten at once, so that a use after the release shows.
func TestLargeRows(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	bufpool.Poison()
	pg := testenv.Postgres(t, testenv.Version(testenv.Newest))
	broker := testenv.Kafka(t, testenv.Proxied(), testenv.Java("-Xmx1g"), testenv.Property("message.max.bytes", fmt.Sprint(largest)),
		testenv.Property("socket.request.max.bytes", fmt.Sprint(2*largest)))
	w := &largeWriter{t: t, conn: connect(t, pg)}
	w.exec(`CREATE TABLE big (id int PRIMARY KEY, note text, rev int)`)
	w.exec(`ALTER TABLE big REPLICA IDENTITY FULL`)
	w.exec(`ALTER TABLE big ALTER note SET STORAGE EXTERNAL`) // no compression, which would take most of the time
	w.insert("read", 17, 20_000, 70_000, 300_000, 2<<20, 17)
	watched := &memory{t: t, listen: freeAddress(t)}
	runLarge(t, fmt.Sprintf(largeFile, watched.listen, pg.URL(), broker.Brokers()[0], largest))
	for deadline := time.Now().Add(2 * time.Minute); watched.strict() != http.StatusOK; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) { // rows inserted earlier would be read
			t.Fatalf("not streaming: %s", watched.body)
		}
	}
	for round := range 3 {
		for _, edge := range []int{16 << 10, 64 << 10, 256 << 10, 1 << 20, 5 << 20} {
			first := w.insert("insert", edge-200, 17, edge-1, edge, 17, 17, edge+1, edge+200)
			w.update(first, first+2)
			w.delete(first+2, first+6)
			broker.Nodes[0].Proxy.CutRequestAfter(edge * (1 + round) / 2)
		}
	}
	w.insert("insert", 17, 40<<20, 17)
	if err := broker.Nodes[0].Proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"json", "cloudevents"} {
		w.arrives(broker, topic)
	}
}

// runLarge runs the daemon in this process until the test ends.
func runLarge(t *testing.T, text string) {
	file := filepath.Join(t.TempDir(), "large.hcl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	kinds := product.Kinds{
		Sources: map[string]func() product.SourceSettings{"postgres": func() product.SourceSettings { return postgres.NewSettings() }},
		Sinks:   map[string]func() product.SinkSettings{"kafka": func() product.SinkSettings { return &kafka.Settings{} }},
	}
	f, report := config.Load([]string{file}, kinds.Config(), config.Options{})
	if report.HasErrors() {
		report.Write(t.Output(), false)
		t.Fatal("the file has errors")
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- product.Run(ctx, product.Options{File: f, Log: zaptest.NewLogger(t), Version: "test"}) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// largeWriter writes rows and records the events that they must yield.
type largeWriter struct {
	t      *testing.T
	conn   *pgx.Conn
	notes  []string // by id
	events []largeEvent
}

type largeEvent struct {
	op string
	id int
}

func (w *largeWriter) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.conn.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

// insert adds rows of these sizes in one transaction, and returns the id of the first.
func (w *largeWriter) insert(op string, sizes ...int) (first int) {
	w.t.Helper()
	first = len(w.notes)
	w.exec("BEGIN")
	for _, n := range sizes {
		id := len(w.notes)
		w.notes = append(w.notes, largeText(id, n))
		w.exec("INSERT INTO big VALUES ($1, $2, 0)", id, w.notes[id])
		w.events = append(w.events, largeEvent{op, id})
	}
	w.exec("COMMIT")
	return first
}

// update changes rows: their events have the old row as well as the new one.
func (w *largeWriter) update(ids ...int) {
	for _, id := range ids {
		w.exec("UPDATE big SET rev = 1 WHERE id = $1", id)
		w.events = append(w.events, largeEvent{"update", id})
	}
}

func (w *largeWriter) delete(ids ...int) {
	for _, id := range ids {
		w.exec("DELETE FROM big WHERE id = $1", id)
		w.events = append(w.events, largeEvent{"delete", id})
	}
}

// largeText returns a text that differs from any other row's in every part, with occasional characters to escape.
func largeText(id, size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "%d:%d ", id, i)
		if i%50 == 0 {
			b.WriteString("\"\\\n\té")
		}
	}
	return strings.ToValidUTF8(b.String()[:size], "?")
}

// arrives reads a topic until all events have arrived, in order and with the written content; repeats may come in between.
func (w *largeWriter) arrives(broker *testenv.KafkaServer, topic string) {
	t := w.t
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(broker.Direct()...), kgo.FetchMaxBytes(largest), kgo.FetchMaxPartitionBytes(largest),
		kgo.BrokerMaxReadBytes(3*largest), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	index := map[largeEvent]int{}
	for i, e := range w.events {
		index[e] = i
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	repeats := 0
	for next := 0; next < len(w.events); {
		fetched := c.PollFetches(ctx)
		if err := fetched.Err0(); err != nil {
			t.Fatalf("%s: %d of %d events have come: %v", topic, next, len(w.events), err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			switch i, ok := index[w.event(r.Value)]; {
			case !ok || i > next:
				t.Fatalf("%s: record %d is event %d, want %d", topic, r.Offset, i, next)
			case i < next:
				repeats++
			default:
				next++
			}
		})
	}
	t.Logf("%s: %d events, %d repeats", topic, len(w.events), repeats)
}

// event returns what a record says, if all of its text is correct.
func (w *largeWriter) event(text []byte) largeEvent {
	type row struct {
		ID   int
		Note string
		Rev  int
	}
	var v struct {
		Op       string
		Row, Old *row
	}
	if err := json.Unmarshal(text, &v); err != nil {
		w.t.Fatalf("a record of %d bytes: %v: %.100q", len(text), err, text)
	}
	for _, r := range []*row{v.Row, v.Old} {
		if r != nil && (r.ID >= len(w.notes) || r.Note != w.notes[r.ID]) {
			w.t.Fatalf("%s of row %d: a text of %d bytes is not what was written: %.100q", v.Op, r.ID, len(r.Note), r.Note)
		}
	}
	if v.Row == nil {
		v.Row = v.Old
	}
	return largeEvent{v.Op, v.Row.ID}
}
