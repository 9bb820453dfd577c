package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

const aggregateFile = `
daemon { listen = %q }

pipeline "orders" {
  window = "2MiB"
  source "postgres" {
    url    = %q
    tables = ["public.orders", "public.order_lines"]
  }
  sink "kafka" "bus" {
    brokers = [%q]
    topic   = "orders"
    create_topics { partitions = 1 }

    aggregate "OrderPlaced" {
      table = "public.orders"
      when  = op == "insert"
      child "public.order_lines" {
        as   = "lines"
        join = child.order_id == row.id
      }
      key  = row.id
      data = { id = row.id, total = row.total, by = tx.annotations.user, lines = [for l in lines : l.id] }
    }
    changes { tables = ["public.order_lines"] }
  }
}
`

// ordersPer and linesPer are the sizes of a transaction of the test: about 40 fragments of the stream.
const (
	ordersPer = 3
	linesPer  = 40_000
)

// placing is a daemon that makes aggregates, and what it has to make.
type placing struct {
	t       *testing.T
	binary  string
	file    string
	listen  string
	dir     string
	conn    *pgx.Conn
	daemon  *daemon
	started int
	orders  int         // that were committed
	end     capture.LSN // of the last transaction
}

// TestAggregatesUnderKills kills the daemon while the sink's record is inside of transactions that are larger than the window. Every
// order has one event with all its lines, always with the same id and the same bytes, after the changes of its transaction.
func TestAggregatesUnderKills(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	pg := testenv.Postgres(t, testenv.Version(testenv.Newest))
	kafka := testenv.Kafka(t)
	p := &placing{t: t, binary: build(t).binary, listen: freeAddress(t), dir: t.TempDir(), conn: connect(t, pg)}
	p.exec(`CREATE TABLE orders (id bigint PRIMARY KEY, total bigint NOT NULL)`)
	p.exec(`CREATE TABLE order_lines (id bigint PRIMARY KEY, order_id bigint NOT NULL, sku text NOT NULL)`)
	p.file = filepath.Join(p.dir, "orders.hcl")
	text := fmt.Sprintf(aggregateFile, p.listen, pg.URL(), kafka.Brokers()[0])
	if err := os.WriteFile(p.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.daemon.kill()
		if t.Failed() {
			t.Log(p.daemon.logTail())
		}
	})
	p.start()
	inside := 0
	for n := 0; inside < 3; n++ {
		if n == 30 {
			t.Fatalf("of %d transactions only %d had the sink's record inside of them when it was read", n, inside)
		}
		p.place()
		inside += p.killInside()
	}
	p.wait()
	p.check(kafka)
}

func (p *placing) exec(sql string, args ...any) {
	p.t.Helper()
	if _, err := p.conn.Exec(p.t.Context(), sql, args...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *placing) start() {
	p.started++
	d, err := startDaemon(filepath.Join(p.dir, fmt.Sprintf("daemon-%d.log", p.started)), p.started, exec.Command(p.binary, "run", p.file))
	if err != nil {
		p.t.Fatal(err)
	}
	p.daemon = d
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if answer, err := http.Get("http://" + p.listen + "/readyz?strict"); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) || !d.running() {
			p.t.Fatalf("not ready: %s", d.logTail())
		}
	}
}

// place commits orders with their lines, which come in turn, and annotates the transaction at its end.
func (p *placing) place() {
	first := p.orders
	p.exec("BEGIN")
	p.exec("INSERT INTO orders SELECT n, 0 FROM generate_series($1::int, $2) n", first, first+ordersPer-1)
	p.exec("INSERT INTO order_lines SELECT $1::bigint * $2 + n, $1 + n % $3, repeat('sku', 20) FROM generate_series(0, $2 - 1) n",
		first, linesPer, ordersPer)
	p.exec("DELETE FROM order_lines WHERE order_id >= $1 AND id % 10 = 0", first)
	p.exec("UPDATE orders SET total = 7 WHERE id >= $1", first)
	p.exec(`SELECT pg_logical_emit_message(true, 'tailrace.tx', '{"user":"ada"}')`)
	p.exec("COMMIT")
	p.orders += ordersPer
	var end string
	if err := p.conn.QueryRow(p.t.Context(), "SELECT pg_current_wal_insert_lsn()::text").Scan(&end); err != nil {
		p.t.Fatal(err)
	}
	p.end = p.lsn(end)
}

func (p *placing) lsn(text string) capture.LSN {
	lsn, err := capture.ParseLSN(text)
	if err != nil {
		p.t.Fatal(err)
	}
	return lsn
}

// killInside kills the daemon when the sink's record is inside of the transaction, and starts another. It returns 1, or 0 when the
// record passed the transaction before it was seen inside.
func (p *placing) killInside() int {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		durable, inside := p.durable()
		if inside {
			p.daemon.kill()
			p.start()
			return 1
		}
		if durable >= p.end {
			return 0
		}
	}
	p.t.Fatal("the transaction does not come")
	return 0
}

// durable returns the position of the sink's record, 0 if the daemon does not answer, and whether it is inside of a transaction.
func (p *placing) durable() (lsn capture.LSN, inside bool) {
	answer, err := http.Get("http://" + p.listen + "/api/v1/pipelines/orders")
	if err != nil {
		return 0, false
	}
	defer answer.Body.Close()
	var status struct {
		Sinks []struct {
			Durable string `json:"held"`
		} `json:"sinks"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&status); err != nil || len(status.Sinks) != 1 || status.Sinks[0].Durable == "" {
		return 0, false
	}
	text, _, inside := strings.Cut(status.Sinks[0].Durable, "+")
	return p.lsn(text), inside
}

func (p *placing) wait() {
	out, err := exec.Command(p.binary, "wait", "-pipeline", "orders", "-timeout", "2m", "-url", "http://"+p.listen).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tailrace wait: %v\n%s\n%s", err, out, p.daemon.logTail())
	}
}

// placedEvent is an event of the topic.
type placedEvent struct {
	id, value string
}

// check reads the topic.
func (p *placing) check(kafka *testenv.KafkaServer) {
	t := p.t
	lines := map[int64]bool{}       // those that have come
	events := map[int]placedEvent{} // by order
	repeats := 0
	for _, r := range readTopic(t, kafka, "orders") {
		header := map[string]string{}
		for _, h := range r.Headers {
			header[h.Key] = string(h.Value)
		}
		if header["ce_type"] != "OrderPlaced" {
			var change struct{ Row, Old *struct{ ID int64 } }
			if err := json.Unmarshal(r.Value, &change); err != nil {
				t.Fatalf("%s: %v", r.Value, err)
			}
			if change.Row != nil {
				lines[change.Row.ID] = true
			}
			continue
		}
		order, data := p.event(r.Value)
		e := placedEvent{header["ce_id"], string(r.Value)}
		if before, known := events[order]; !known {
			events[order] = e
		} else if repeats++; before != e {
			t.Errorf("order %d has the event %s, and %s before", order, e.id, before.id)
		}
		first := order / ordersPer * ordersPer
		for n := range linesPer {
			id := int64(first*linesPer + n)
			if !lines[id] {
				t.Fatalf("the event of order %d comes before line %d of its transaction", order, id)
			}
			if first+n%ordersPer == order && id%10 != 0 {
				if len(data) == 0 || data[0] != id {
					t.Fatalf("the event of order %d has no line %d in its place", order, id)
				}
				data = data[1:]
			}
		}
		if len(data) > 0 {
			t.Errorf("the event of order %d has %d more lines", order, len(data))
		}
	}
	if len(events) != p.orders || len(lines) != p.orders/ordersPer*linesPer {
		t.Errorf("%d orders and %d lines have come, want %d and %d", len(events), len(lines), p.orders, p.orders/ordersPer*linesPer)
	}
	t.Logf("%d aggregates, %d repeats of them", len(events), repeats)
}

// event returns the order and the lines of an aggregate.
func (p *placing) event(value []byte) (order int, lines []int64) {
	var data struct {
		ID    int
		Total int
		By    string
		Lines []int64
	}
	if err := json.Unmarshal(value, &data); err != nil || data.Total != 7 || data.By != "ada" {
		p.t.Fatalf("%.200s: %v", value, err)
	}
	return data.ID, data.Lines
}

// readTopic returns the records of a topic with one partition.
func readTopic(t *testing.T, kafka *testenv.KafkaServer, name string) (records []*kgo.Record) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(kafka.Direct()...), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{name: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	for next, end := int64(0), int64(-1); next != end; {
		fetched := c.PollFetches(ctx)
		if err := fetched.Err0(); err != nil {
			t.Fatal(err)
		}
		fetched.EachPartition(func(f kgo.FetchTopicPartition) { end = f.HighWatermark })
		fetched.EachRecord(func(r *kgo.Record) {
			if next = r.Offset + 1; !r.Attrs.IsControl() {
				records = append(records, r)
			}
		})
	}
	return records
}
