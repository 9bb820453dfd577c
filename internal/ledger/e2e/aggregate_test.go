package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

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
	*inside
	orders int // that were committed
}

// TestAggregatesUnderKills kills the daemon while the sink's record is inside of transactions that are larger than the window. Every
// order has one event with all its lines, always with the same id and the same bytes, after the changes of its transaction.
func TestAggregatesUnderKills(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	pg := testenv.Postgres(t, testenv.Version(testenv.Newest))
	kafka := testenv.Kafka(t)
	p := &placing{inside: newInside(t, pg)}
	p.exec(`CREATE TABLE orders (id bigint PRIMARY KEY, total bigint NOT NULL)`)
	p.exec(`CREATE TABLE order_lines (id bigint PRIMARY KEY, order_id bigint NOT NULL, sku text NOT NULL)`)
	p.write(fmt.Sprintf(aggregateFile, p.listen, pg.URL(), kafka.Brokers()[0]))
	p.start()
	p.killTimes(3, p.place)
	p.wait()
	p.check(kafka)
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
