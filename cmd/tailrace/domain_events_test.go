package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestDomainEventsExample runs examples/domain-events: what the application does gives the events of events.txt.
func TestDomainEventsExample(t *testing.T) {
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			folder := examples + "/domain-events/"
			s := openSite(t, version, read(t, folder+"orders.hcl"), read(t, folder+"orders.sql"),
				"INSERT INTO customers VALUES (7, 'Anna', 'anna@example.com')")
			for _, sql := range strings.Split(strings.TrimSpace(read(t, folder+"shop.sql")), "\n") {
				if !strings.HasPrefix(sql, "--") && sql != "" {
					s.exec(sql)
				}
			}
			s.waits()
			var got strings.Builder
			for _, topic := range []string{"orders", "customers", "order_lines"} {
				got.WriteString(topic + "\n")
				for _, e := range s.events(topic) {
					got.WriteString("  " + withoutPlace(e) + "\n")
				}
			}
			if d := cmp.Diff(read(t, folder+"events.txt"), got.String()); d != "" {
				t.Errorf("(- events.txt, + got)\n%s", d)
			}
			body, err := s.daemon.get("/metrics")
			if want := fmt.Sprintf(`tailrace_rule_changes_total{pipeline=%q,result="matched",rule="event \"OrderPaid\"",sink="bus"} 1`, s.name); err != nil ||
				!strings.Contains(body, want) {
				t.Errorf("the metrics lack %s: %v", want, err)
			}
			if code := s.daemon.stop(t); code != 0 {
				t.Errorf("exit code %d: %s", code, &s.daemon.log)
			}
		})
	}
}

var (
	placeInLog = regexp.MustCompile(` ce_id=\S+| content-type=application/json`)
	hashedText = regexp.MustCompile(`"[0-9a-f]{64}"`)
)

// withoutPlace leaves out what differs between runs or is the same in all events.
func withoutPlace(event string) string {
	return hashedText.ReplaceAllString(placeInLog.ReplaceAllString(event, ""), `"HMAC"`)
}

// identity is a replica identity in which rules about changes of state are tried.
type identity struct {
	name string
	sql  string
}

var identities = []identity{
	{"DEFAULT", "ALTER TABLE orders REPLICA IDENTITY DEFAULT"},
	{"FULL", "ALTER TABLE orders REPLICA IDENTITY FULL"},
	{"USING INDEX", "CREATE UNIQUE INDEX by_status ON orders (id, status); ALTER TABLE orders REPLICA IDENTITY USING INDEX by_status"},
}

// openOrders opens a database with a table of orders, each with a document of 100 kB, and a file with blocks in a stdout sink.
func openOrders(t *testing.T, identity, blocks string) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a Postgres server")
	}
	s := &site{T: t, postgres: testenv.SharedPostgres(t, testenv.Newest)}
	s.database = testenv.NewDatabase(t, s.postgres)
	s.name = s.database
	s.exec("CREATE TABLE orders (id int PRIMARY KEY, status text NOT NULL, n int, doc text NOT NULL); ALTER TABLE orders ALTER doc SET STORAGE EXTERNAL; "+identity,
		"INSERT INTO orders SELECT i, 'open', 0, repeat('d', 100000) FROM generate_series(1, 3) i")
	address := unusedAddress(t)
	s.env = []string{"DATABASE_URL=" + s.postgres.URL(s.database), "", "LISTEN=" + address}
	s.file = place(t, "orders.hcl", fmt.Sprintf(`
daemon {
  listen = %q
}
pipeline %q {
  source "postgres" {
    url    = env("DATABASE_URL")
    tables = ["public.orders"]
    snapshot {
      mode = "never"
    }
  }
  sink "stdout" "out" {
%s
  }
}
`, address, s.name, blocks))
	return s
}

// printedEvents are the types and the data of the events that the stdout sink has printed.
func (s *site) printedEvents() (all []printedEvent) {
	s.Helper()
	for line := range strings.Lines(s.daemon.out.String()) {
		var e printedEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			s.Fatalf("%v: %.300s", err, line)
		}
		all = append(all, e)
	}
	return all
}

type printedEvent struct {
	Type string
	Data map[string]any
}

const paidRule = `    event "OrderPaid" {
      table = "public.orders"
      when  = op == "update" && old.status != "paid" && row.status == "paid"
      data  = { id = row.id, was = old.status }
    }`

// TestOnePaymentIsOneEvent: an order is paid, and updated nine times. That is one event, or check refuses the rule.
func TestOnePaymentIsOneEvent(t *testing.T) {
	for _, identity := range identities {
		t.Run(identity.name, func(t *testing.T) {
			s := openOrders(t, identity.sql, paidRule)
			if identity.name == "DEFAULT" {
				r := tailraceWith(t, s.env, "", "check", s.file)
				r.expect(t, 2, "", s.file+":16:")
				r.expect(t, 2, "", "ALTER TABLE public.orders REPLICA IDENTITY FULL")
				tailraceWith(t, s.env, "", "run", "-strict", s.file).expect(t, 2, "", "old.status is not known in an update")
				return
			}
			tailraceWith(t, s.env, "", "check", s.file).expect(t, 0, "checked live", "")
			s.start()
			s.exec("UPDATE orders SET status = 'paid' WHERE id = 1")
			for n := range 9 {
				s.exec(fmt.Sprintf("UPDATE orders SET n = %d", n))
			}
			s.waits()
			want := []printedEvent{{"OrderPaid", map[string]any{"id": 1.0, "was": "open"}}}
			if d := cmp.Diff(want, s.printedEvents()); d != "" {
				t.Errorf("(- wanted, + got)\n%s", d)
			}
			s.exec("ALTER TABLE orders REPLICA IDENTITY DEFAULT", "UPDATE orders SET n = 100")
			eventually(t, func() bool {
				body, err := s.daemon.get("/readyz?strict")
				return err == nil && strings.Contains(body, "rule_does_not_fit") && strings.Contains(body, "REPLICA IDENTITY FULL")
			})
			if n := len(s.printedEvents()); n != 1 {
				t.Errorf("%d events after the identity has changed", n)
			}
			if code := s.daemon.stop(t); code != 0 {
				t.Errorf("exit code %d: %s", code, &s.daemon.log)
			}
		})
	}
}

// TestAnUntouchedDocumentIsNeverNull: an update that leaves a document of 100 kB alone gives events with the document, events without the
// attribute, or none, as the rules say.
func TestAnUntouchedDocumentIsNeverNull(t *testing.T) {
	rules := func(policy string) string {
		const attributes = `
      table = "public.orders"
      when  = op == "update"
      data  = { id = row.id, doc = row.doc }
      %s
    }`
		return fmt.Sprintf("    event \"Order\" {"+attributes+"\n    aggregate \"Whole\" {"+attributes, policy, policy)
	}
	for _, identity := range identities {
		t.Run(identity.name, func(t *testing.T) {
			full := identity.name == "FULL"
			strict := openOrders(t, identity.sql, rules(""))
			r := tailraceWith(t, strict.env, "", "check", strict.file)
			if full {
				r.expect(t, 0, "checked live", "")
			} else {
				r.expect(t, 2, "", "on_unchanged")
			}
			for _, policy := range []string{"omit", "reject"} {
				s := openOrders(t, identity.sql, rules(fmt.Sprintf("on_unchanged = %q", policy)))
				s.start()
				s.exec("UPDATE orders SET doc = repeat('e', 100000) WHERE id = 2")
				s.waits()
				s.exec("UPDATE orders SET n = 7")
				want := map[bool]int{true: 2} // events with the document and without it
				switch {
				case full:
					want[true] = 8
				case policy == "omit":
					want[false] = 6
				}
				if full || policy == "omit" {
					s.waits()
				} else {
					s.until(func() bool {
						body, err := s.daemon.get("/readyz?strict")
						return err == nil && strings.Contains(body, `"rejected"`) && strings.Contains(body, `: unchanged: event \"Order\" (`)
					})
				}
				got := map[bool]int{}
				for _, e := range s.printedEvents() {
					doc, there := e.Data["doc"]
					if text, _ := doc.(string); there && len(text) != 100_000 {
						t.Errorf("%s: %s of order %v has a document of %d bytes", policy, e.Type, e.Data["id"], len(text))
					}
					got[there]++
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s: events by whether they have the document (- wanted, + got)\n%s", policy, d)
				}
				if code := s.daemon.stop(t); code != 0 {
					t.Errorf("exit code %d: %s", code, &s.daemon.log)
				}
			}
		})
	}
}
