package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

const traceFile = `
daemon { listen = %q }

pipeline "orders" {
  window = "2MiB"
  source "postgres" {
    url    = %q
    tables = ["public.rows", "public.outbox"]
  }
  sink "kafka" "bus" {
    brokers = [%q]
    topic   = "orders"
    create_topics { partitions = 1 }

    event "Row" {
      table = "public.rows"
      key   = row.id
      data  = { part = row.part, user = tx.annotations.user }
      when  = op == "insert"
    }
    outbox {
      table   = "public.outbox"
      key     = row.id
      data    = { part = row.part, user = tx.annotations.user }
      type    = "Posted"
      headers = { traceparent = row.parent, tracestate = row.state }
    }
  }
}
`

// traces are the trace contexts of the test, by the letters of what the transaction does.
var traces = map[string]string{
	"a": "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-aaaaaaaaaaaaaaaa-01",
	"b": "00-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-bbbbbbbbbbbbbbbb-01",
	"o": "00-0ff0ff0ff0ff0ff0ff0ff0ff0ff0ff00-0ff0ff0ff0ff0ff0-00",
	"x": "00-eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee-eeeeeeeeeeeeeeee-01", // of what is rolled back
}

const traceState = "shop=1,other@vendor=x"

// tracedParts are the parts of a transaction with 20,000 rows. Every event of a part has the same trace.
var tracedParts = []struct {
	part, sql string
	rows      int
	want      string // traceparent, tracestate and the user
}{
	{"before", "INSERT INTO rows SELECT n, 'before', repeat('x', 300) FROM nextval('ids') n", 1, "  null"},
	{
		"savepoints", `SELECT pg_logical_emit_message(true, 'tailrace.tx', '{"user":"ada","traceparent":"$a","tracestate":"$state"}');
		DO $$ BEGIN FOR i IN 1..90 LOOP BEGIN
			INSERT INTO rows SELECT nextval('ids'), 'savepoints', repeat('x', 300) FROM generate_series(1, 100);
			IF i % 3 = 0 THEN
				PERFORM pg_logical_emit_message(true, 'tailrace.tx', '{"user":"eve","traceparent":"$x"}');
				INSERT INTO rows SELECT nextval('ids'), 'rolled back', 'x';
				INSERT INTO outbox VALUES (nextval('ids'), 'rolled back');
				RAISE EXCEPTION 'rolled back';
			END IF;
		EXCEPTION WHEN raise_exception THEN END; END LOOP; END $$`, 6000, "$a $state \"ada\"",
	},
	{"many", "INSERT INTO rows SELECT nextval('ids'), 'many', repeat('x', 300) FROM generate_series(1, 7000)", 7000, "$a $state \"ada\""},
	{
		"own", `INSERT INTO outbox VALUES (nextval('ids'), 'own', '$o', 'own=1')`, 1, "$o own=1 \"ada\"",
	},
	{"own parent", `INSERT INTO outbox VALUES (nextval('ids'), 'own parent', '$o', NULL)`, 1, "$o  \"ada\""},
	{"no parent", `INSERT INTO outbox VALUES (nextval('ids'), 'no parent', NULL, NULL)`, 1, "$a $state \"ada\""},
	{"invalid parent", `INSERT INTO outbox VALUES (nextval('ids'), 'invalid parent', '$oo', NULL)`, 1, "$a $state \"ada\""},
	{"invalid state", `INSERT INTO outbox VALUES (nextval('ids'), 'invalid state', '$o', 'no list')`, 1, "$o  \"ada\""},
	{
		"released", `SAVEPOINT s; SELECT pg_logical_emit_message(true, 'tailrace.tx', '{"traceparent":"$b","tracestate":null}'); RELEASE s;
		INSERT INTO rows SELECT nextval('ids'), 'released', repeat('x', 300) FROM generate_series(1, 6994)`, 6994, "$b  \"ada\"",
	},
	{
		"invalid", `SELECT pg_logical_emit_message(true, 'tailrace.tx', '{"traceparent":"00-zz","tracestate":"$state"}');
		INSERT INTO rows SELECT n, 'invalid', 'x' FROM nextval('ids') n`, 1, "  \"ada\"",
	},
}

// TestTraceOfALargeTransaction kills the daemon inside of transactions with 20,000 rows over savepoints: each event has the trace that
// its transaction had at that moment, and nothing is left for the next transaction.
func TestTraceOfALargeTransaction(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	pg := testenv.Postgres(t, testenv.Version(testenv.Newest), testenv.Setting("logical_decoding_work_mem", "64kB"))
	kafka := testenv.Kafka(t)
	s := newInside(t, pg)
	s.exec("CREATE SEQUENCE ids")
	s.exec("CREATE TABLE rows (id bigint PRIMARY KEY, part text NOT NULL, pad text)")
	s.exec("CREATE TABLE outbox (id bigint PRIMARY KEY, part text NOT NULL, parent text, state text)")
	s.write(fmt.Sprintf(traceFile, s.listen, pg.URL(), kafka.Brokers()[0]))
	s.start()
	fill := strings.NewReplacer("$a", traces["a"], "$b", traces["b"], "$oo", traces["o"]+"0", "$o", traces["o"], "$x", traces["x"], "$state", traceState)
	transactions := 0
	s.killTimes(2, func() {
		transactions++
		s.exec("BEGIN")
		for _, p := range tracedParts {
			s.exec(fill.Replace(p.sql))
		}
		s.exec("COMMIT")
		s.exec("INSERT INTO rows SELECT n, 'next', 'x' FROM nextval('ids') n") // on the same connection
		s.exec("INSERT INTO outbox SELECT n, 'next' FROM nextval('ids') n")
	})
	s.wait()

	want := map[string]string{"next": "  null"}
	counts := map[string]int{"next": 2 * transactions}
	for _, p := range tracedParts {
		want[p.part], counts[p.part] = fill.Replace(p.want), p.rows*transactions
	}
	seen, repeats := map[string]string{}, 0 // by id
	for _, r := range readTopic(t, kafka, "orders") {
		var data struct {
			Part string
			User json.RawMessage
		}
		if err := json.Unmarshal(r.Value, &data); err != nil {
			t.Fatalf("%s: %v", r.Value, err)
		}
		got := fmt.Sprintf("%s %s %s", header(r, "traceparent"), header(r, "tracestate"), data.User)
		if got != want[data.Part] || header(r, "ce_traceparent") != header(r, "traceparent") || header(r, "ce_tracestate") != header(r, "tracestate") {
			t.Fatalf("%s has %q, want %q; all headers: %s", data.Part, got, want[data.Part], r.Headers)
		}
		id, all := header(r, "ce_id"), fmt.Sprintf("%s %s %s", r.Key, r.Value, r.Headers)
		if before, ok := seen[id]; !ok {
			seen[id] = all
			counts[data.Part]--
		} else if repeats++; before != all {
			t.Fatalf("%s has two forms:\n%s\n%s", id, before, all)
		}
	}
	t.Logf("%d transactions, %d events, %d repeats", transactions, len(seen), repeats)
	for part, n := range counts {
		if n != 0 {
			t.Errorf("%d events of part %q are missing", n, part)
		}
	}
}
