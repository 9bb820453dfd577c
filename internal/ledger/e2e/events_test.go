package e2e

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/ledger"
	"github.com/tailrace/tailrace/internal/ledger/workload"
)

// eventsFile has the plain changes of the ledger in one sink, and blocks of every kind that makes events in another.
const eventsFile = `
daemon { listen = %[1]q }

locals {
  brokers    = ["%[4]s"]
  partitions = %[5]d
}

pipeline "ledger" {
  source "postgres" {
    url    = %[2]q
    tables = ["%[3]s", "shop.orders", "shop.lines", "shop.outbox", "shop.kept"]
  }
  sink "kafka" "bus" {
    brokers = local.brokers
    format  = "json"
    create_topics { partitions = local.partitions }
    changes { tables = ["%[3]s"] }
  }
  sink "kafka" "events" {
    brokers = local.brokers
    topic   = "shop.changes"
    create_topics {
      names      = ["shop.posted", "shop.stored"]
      partitions = local.partitions
    }
    event "OrderPaid" {
      table = "shop.orders"
      when  = op == "update" && old.status != "paid" && row.status == "paid"
      topic = "shop.paid"
      key   = row.customer
      data  = { ver = row.paid, prev_ver = row.paid - 1, order = row.id, by = tx.annotations.by, doc = substr(row.doc, 0, 8) }
    }
    aggregate "OrderPlaced" {
      table = "shop.orders"
      when  = op == "insert"
      child "shop.lines" {
        as   = "lines"
        join = child.order_id == row.id
      }
      topic = "shop.placed"
      key   = row.customer
      data  = { ver = row.placed, prev_ver = row.placed - 1, order = row.id, by = tx.annotations.by, lines = [for l in lines : l.id] }
    }
    outbox {
      table   = "shop.outbox"
      id      = "posted/${row.id}"
      topic   = "shop.${row.kind}"
      key     = row.key
      data    = row.payload
      headers = { traceparent = row.trace, lsn = tx.lsn }
    }
    outbox {
      table   = "shop.kept"
      topic   = "shop.${row.kind}"
      key     = row.key
      data    = row.payload
      headers = { traceparent = row.trace }
      cleanup = "delete"
    }
    messages "shop." {
      topic = "shop.message"
      key   = table.name
    }
  }
}
`

// TestEventLedger runs the daemon under the nemesis with blocks of every kind that makes events. The oracles hold for the plain
// changes as ever, and for the events: each that a transaction expects comes, in the order of its key, on one partition, always with the
// same id, bytes and headers, and no other. They find each breakage of what has come.
func TestEventLedger(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	program := build(t)
	program.text = eventsFile
	tr := trial{
		program: program, prepare: prepareEvents, seed: seed(t), rate: 300, events: 6, least: 8 * time.Second,
		plan:  plan{kill: 2, reshape: 3},
		slack: ledger.Slack{Goroutines: 10, Descriptors: 8, RSS: 100 << 20},
	}
	if soaks() {
		tr.least = duration(t)
		tr.plan = plan{kill: 20, reshape: 8, freeze: 2, holdBroker: 2, crashPostgres: 3, restartBroker: 2, terminateSender: 2, cut: 2}
	}
	for _, err := range tr.run(t) {
		t.Error(err)
	}
}

func prepareEvents(r *rig, conn *pgx.Conn) {
	r.must(workload.CreateEvents(r.t.Context(), conn))
	for _, kind := range workload.Kinds() {
		r.topics.names = append(r.topics.names, workload.TopicOf(kind))
	}
}

// reshape adds a column to the tables of events, keeps the acknowledgements of the broker from the daemon until records of events have
// been written, adds another column, and kills the daemon. The next one writes these records again, from tables of another shape. Every second time it is a standby
// that takes over.
func (n *nemesis) reshape() {
	n.addColumn()
	proxy := n.kafka.Nodes[0].Proxy
	n.until("events that are not acknowledged", time.Minute, func() bool {
		d := n.one()
		if !n.moreEvents(d) {
			return false
		}
		proxy.HoldReplies()
		if n.moreEvents(d) {
			return true
		}
		n.must(proxy.Heal())
		return false
	})
	n.addColumn()
	old := n.one()
	if n.shapes%4 == 0 {
		n.launch()
	}
	n.kill(old)
	n.must(proxy.Heal())
	n.one()
}

func (n *nemesis) addColumn() {
	n.shapes++
	n.must(workload.Reshape(n.t.Context(), n.connect(), n.shapes))
}

// moreEvents waits a short time for more records in the topics of events, and reports whether there are some.
func (n *nemesis) moreEvents(d *daemon) bool {
	had := n.eventRecords()
	for end := time.Now().Add(3 * time.Second); d.running() && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if n.eventRecords() > had {
			return true
		}
	}
	return false
}

// eventRecords returns the number of records in the topics of events.
func (r *rig) eventRecords() (count int64) {
	marks, _ := r.topics.marks()
	for p, mark := range marks {
		if !strings.HasPrefix(p.Topic, prefix) {
			count += mark
		}
	}
	return count
}

// checkEvents applies the oracles to the events, and then to the events with one breakage each.
func (r *rig) checkEvents() []error {
	truth, err := workload.ReadEvents(r.t.Context(), r.connect())
	r.must(err)
	counts, repeats := map[string]int{}, map[string]int{}
	seen := map[string]bool{}
	for _, o := range r.events {
		counts[o.Table]++
		if seen[o.ID] {
			repeats[o.Table]++
		}
		seen[o.ID] = true
	}
	r.t.Logf("%d events are expected; records %v, of which repeats %v; %s rows were not deleted", len(truth), counts, repeats,
		r.postgres.Query(r.t, "postgres", "select count(*) from "+workload.Kept))
	total := 0
	for _, kind := range workload.Kinds() {
		topic := workload.TopicOf(kind)
		total += repeats[topic]
		if counts[topic] < 50 {
			r.t.Errorf("only %d records in %s: the workload makes too little", counts[topic], topic)
		}
	}
	if total == 0 {
		r.t.Error("nothing was delivered again: the faults hit nothing")
	}
	judge := func(events []ledger.Observation, names string) (errs []error) {
		for _, name := range strings.Fields(names) {
			errs = append(errs, ledger.Judge(events, map[string]ledger.Oracle{
				"O1": ledger.NewGap(), "O2": ledger.NewOrder(), "O3": ledger.NewAffinity(), "O4": ledger.NewIdentity(false),
				"O5": ledger.NewExpected(truth), "O8": ledger.NewAckSafety(r.acks, nil),
			}[name])...)
		}
		return errs
	}
	errs := judge(r.events, "O1 O2 O3 O4 O5 O8")
	if len(errs) == 0 {
		r.breakEvents(judge)
	}
	return errs
}

// breakEvents breaks what has come in one place, and expects the oracles to find it.
func (r *rig) breakEvents(judge func(events []ledger.Observation, oracles string) []error) {
	for _, kind := range workload.Kinds() {
		topic := workload.TopicOf(kind)
		of := func(o ledger.Observation) bool { return o.Table == topic }
		first := slices.IndexFunc(r.events, of)
		next := first + 1 + slices.IndexFunc(r.events[first+1:], func(o ledger.Observation) bool {
			return of(o) && o.Key == r.events[first].Key && o.ID != r.events[first].ID
		})
		for _, b := range []struct {
			name, caught string
			do           func(h []ledger.Observation) []ledger.Observation
		}{
			{"missing", "O1 O5", func(h []ledger.Observation) []ledger.Observation {
				id := h[first].ID
				return slices.DeleteFunc(h, func(o ledger.Observation) bool { return o.ID == id })
			}},
			{"in the wrong order", "O1 O2", func(h []ledger.Observation) []ledger.Observation {
				h[first], h[next] = h[next], h[first]
				return h
			}},
			{"of no transaction", "O5", func(h []ledger.Observation) []ledger.Observation {
				o, ver := h[first], int64(1e9)
				o.ID, o.Image.Ver = "invented", &ver
				return append(h, o)
			}},
			{"repeated with other bytes", "O4", func(h []ledger.Observation) []ledger.Observation {
				o := h[first]
				o.Payload = bytes.ToUpper(o.Payload)
				return append(h, o)
			}},
			{"acknowledged too early", "O8", func(h []ledger.Observation) []ledger.Observation {
				h[first].Offset = 1e9
				return h
			}},
		} {
			errs := judge(b.do(slices.Clone(r.events)), b.caught)
			for _, oracle := range strings.Fields(b.caught) {
				if !spoke(errs, oracle) {
					r.t.Errorf("an event of %s is %s: %s has nothing to say, only %v", topic, b.name, oracle, errs)
				}
			}
		}
	}
}
