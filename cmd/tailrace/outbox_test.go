package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/testenv"
)

const (
	exampleID    = "6b1e0d1e-8a4e-4f7e-9d53-0c9d1c2b7a10"
	exampleTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

// site is the servers of an example, and a daemon that runs its file, with names of its own in place of those of the file.
type site struct {
	*testing.T
	postgres *testenv.PostgresServer
	kafka    *testenv.KafkaServer
	database string
	name     string // of the pipeline, and what its topics begin with
	file     string
	env      []string
	daemon   *daemonProcess
}

// openSite runs a file as newSite prepares it.
func openSite(t *testing.T, version int, file string, schema ...string) *site {
	t.Helper()
	s := newSite(t, version, file, schema...)
	s.start()
	return s
}

// newSite places a file with its pipeline "shop" renamed: the topics of the Kafka server are shared by tests.
func newSite(t *testing.T, version int, file string, schema ...string) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("needs servers")
	}
	s := &site{T: t, postgres: testenv.SharedPostgres(t, version), kafka: testenv.SharedKafka(t)}
	s.database = testenv.NewDatabase(t, s.postgres)
	s.name = s.database
	s.postgres.ExecIn(t, s.database, schema...)
	file = strings.ReplaceAll(strings.ReplaceAll(file, `"shop.`, `"`+s.name+"."), `"shop"`, `"`+s.name+`"`)
	file = strings.ReplaceAll(file, `messages "`+s.name+`."`, `messages "shop."`)
	file = strings.ReplaceAll(file, "partitions = 12", "partitions = 1")
	s.file = place(t, "site.hcl", file)
	address := unusedAddress(t)
	s.env = []string{"DATABASE_URL=" + s.postgres.URL(s.database), "BROKERS=" + strings.Join(s.kafka.Brokers(), ","), "LISTEN=" + address}
	return s
}

func (s *site) start() {
	s.Helper()
	_, address, _ := strings.Cut(s.env[2], "=")
	s.daemon = startDaemon(s.T, s.env, address, s.file)
	s.waits()
}

// waits waits until everything is in Kafka.
func (s *site) waits() {
	s.Helper()
	tailrace(s.T, "wait", "-pipeline", s.name, "-url", s.daemon.url).expect(s.T, 0, "every sink holds everything up to", "")
}

// until waits until something is the case.
func (s *site) until(is func() bool) {
	s.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("it is not the case after a minute: %s", &s.daemon.log)
		}
	}
}

func (s *site) exec(sql ...string) {
	s.Helper()
	s.postgres.ExecIn(s.T, s.database, sql...)
}

// events are the records of a topic: key, value and the headers that do not depend on the run.
func (s *site) events(topic string) (all []string) {
	s.Helper()
	for _, r := range recordsIn(s.T, s.kafka, s.name+"."+topic) {
		all = append(all, s.event(r))
	}
	return all
}

func (s *site) event(r *kgo.Record) string {
	value := "tombstone"
	if r.Value != nil {
		value = string(r.Value)
	}
	key := "null"
	if r.Key != nil {
		key = string(r.Key)
	}
	var headers []string
	for _, h := range r.Headers {
		if !slices.Contains([]string{"ce_time", "ce_source", "ce_specversion", "tailrace_position", "tailrace_error"}, h.Key) {
			headers = append(headers, h.Key+"="+string(h.Value))
		}
	}
	slices.Sort(headers)
	return fmt.Sprintf("%s %s %s", key, value, strings.ReplaceAll(strings.Join(headers, " "), s.name, "shop"))
}

func (s *site) has(topic string, want ...string) {
	s.Helper()
	if d := cmp.Diff(want, s.events(topic)); d != "" {
		s.Errorf("topic %s (- wanted, + got)\n%s", topic, d)
	}
}

// insertOutbox returns the statement that inserts an event.
func insertOutbox(id, topic, key, kind, payload, trace string) string {
	return fmt.Sprintf("INSERT INTO outbox (id, aggregate_type, aggregate_id, type, payload, trace) VALUES ('%s', %s, %s, '%s', %s, %s)",
		id, topic, key, kind, payload, trace)
}

// TestOutboxExample runs examples/outbox: each row and each message is one event, byte for byte, whether its row stays or not, also
// over a restart and a kill.
func TestOutboxExample(t *testing.T) {
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			folder := examples + "/outbox/"
			id := func(n int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", n) }
			s := openSite(t, version, read(t, folder+"outbox.hcl"), read(t, folder+"outbox.sql"),
				insertOutbox(id(1), "'order'", "'41'", "OrderPlaced", `'{"order":   41}'`, "NULL"))
			s.exec("BEGIN;"+insertOutbox(exampleID, "'order'", "'42'", "OrderPaid", `'{"total": 19.90, "order": 42}'`, "'"+exampleTrace+"'")+
				";DELETE FROM outbox;COMMIT",
				insertOutbox(id(2), "'customer'", "'7'", "CustomerForgotten", "NULL", "'no trace'"),
				insertOutbox(id(3), "'order'", "NULL", "Audited", `'null'`, "NULL"),
				insertOutbox(id(4), "'order status'", "'42'", "Misdirected", `'1'`, "NULL"),
				"TRUNCATE outbox",
				"BEGIN;"+insertOutbox(id(5), "'order'", "'42'", "RolledBack", `'1'`, "NULL")+";ROLLBACK",
				`SELECT pg_logical_emit_message(true, 'shop.cart', '{"cart":  7}'), pg_logical_emit_message(true, 'other', 'x'), pg_logical_emit_message(true, 'shop.bytes', '\xff00'::bytea)`,
			)
			s.waits()
			if err := s.daemon.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			s.daemon.cmd.Wait() // its error is that it was killed
			s.exec(insertOutbox(id(6), "'order'", "'42'", "OrderShipped", `'{"order": 42}'`, "NULL"), "DELETE FROM outbox")
			s.start()
			s.exec(insertOutbox(id(7), "'order'", "'42'", "OrderClosed", `'{"order": 42}'`, "NULL"))
			s.waits()
			const trace = " ce_traceparent=" + exampleTrace
			s.has("order",
				`41 {"order":   41} ce_id=`+id(1)+" ce_subject=41 ce_type=OrderPlaced content-type=application/json",
				`42 {"total": 19.90, "order": 42} ce_id=`+exampleID+" ce_subject=42"+trace+
					" ce_type=OrderPaid content-type=application/json traceparent="+exampleTrace,
				"null null ce_id="+id(3)+" ce_type=Audited content-type=application/json",
				`42 {"order": 42} ce_id=`+id(6)+" ce_subject=42 ce_type=OrderShipped content-type=application/json",
				`42 {"order": 42} ce_id=`+id(7)+" ce_subject=42 ce_type=OrderClosed content-type=application/json",
			)
			s.has("customer", "7 tombstone ce_id="+id(2)+" ce_subject=7 ce_type=CustomerForgotten")
			s.has("rejected", "42 tombstone tailrace_op=insert tailrace_reason=topic_name tailrace_table=public.outbox tailrace_topic=shop.order status")
			messages := s.events("messages")
			if len(messages) != 2 || !strings.HasPrefix(messages[0], `null {"cart":  7} ce_id=shop/`) ||
				!strings.HasSuffix(messages[0], " ce_type=shop.cart content-type=application/json") ||
				!strings.HasPrefix(messages[1], "null \xff\x00 ce_id=shop/") ||
				!strings.HasSuffix(messages[1], " ce_type=shop.bytes content-type=application/octet-stream") {
				t.Errorf("messages: %q", messages)
			}
			if code := s.daemon.stop(t); code != 0 {
				t.Errorf("exit code %d: %s", code, &s.daemon.log)
			}
		})
	}
}

// Without a dead letter topic, a topic that Kafka cannot have halts the sink in a named state, and so does an update of the table.
func TestOutboxRowsThatAreRejected(t *testing.T) {
	file := strings.Replace(read(t, examples+"/outbox/outbox.hcl"), "dead_letter", "# dead_letter", 1)
	for reason, sql := range map[string]string{
		"topic_name": insertOutbox(exampleID, "'order status'", "'42'", "OrderPaid", `'1'`, "NULL"),
		"outbox_update": insertOutbox(exampleID, "'order'", "'42'", "OrderPaid", `'1'`, "NULL") +
			";UPDATE outbox SET type = 'x'",
	} {
		t.Run(reason, func(t *testing.T) {
			s := openSite(t, testenv.Newest, file, read(t, examples+"/outbox/outbox.sql"))
			s.exec(sql)
			eventually(t, func() bool {
				body, err := s.daemon.get("/readyz?strict")
				return err == nil && strings.Contains(body, `"rejected"`) && strings.Contains(body, reason)
			})
			body, err := s.daemon.get("/metrics")
			if want := fmt.Sprintf(`tailrace_events_rejected_total{pipeline=%q,reason=%q,sink="bus"} 1`, s.name, reason); err != nil || !strings.Contains(body, want) {
				t.Errorf("the metrics lack %s: %v", want, err)
			}
		})
	}
}

// With cleanup = "delete" a row goes when Kafka has its event, and not before: not while its topic is missing, and not with a role that
// may not delete.
func TestOutboxThatIsCleanedUp(t *testing.T) {
	folder := examples + "/outbox/"
	file := strings.Replace(read(t, folder+"outbox.hcl"), `table   = "public.outbox"`, "table   = \"public.outbox\"\n      cleanup = \"delete\"", 1)
	s := openSite(t, testenv.Newest, file, read(t, folder+"outbox.sql"),
		insertOutbox("00000000-0000-0000-0000-000000000001", "'order'", "'1'", "OrderPaid", "'1'", "NULL"))
	rows := func() string {
		return s.postgres.Query(t, s.database, "SELECT coalesce(string_agg(type, ' ' ORDER BY id), '') FROM outbox")
	}
	s.until(func() bool { return rows() == "" }) // of the first copy
	s.exec("INSERT INTO outbox (aggregate_type, aggregate_id, type) SELECT 'order', n, 'OrderPaid' FROM generate_series(1, 3000) n")
	s.waits()
	s.until(func() bool { return rows() == "" })

	s.exec(insertOutbox("00000000-0000-0000-0000-000000000002", "'order'", "'1'", "Good", "'1'", "NULL"),
		insertOutbox("00000000-0000-0000-0000-000000000003", "'late'", "'1'", "Late", "'1'", "NULL"),
		insertOutbox("00000000-0000-0000-0000-000000000004", "'order'", "'1'", "After", "'1'", "NULL"))
	s.until(func() bool { return rows() == "Late After" })
	s.until(func() bool {
		body, err := s.daemon.get("/readyz?strict")
		return err == nil && strings.Contains(body, "topic_missing")
	})
	s.exec("DELETE FROM outbox WHERE type = 'After'") // it is published all the same
	s.kafka.CreateTopic(t, s.name+".late", 1, nil)
	s.waits()
	s.until(func() bool { return rows() == "" })
	if events := s.events("order"); len(events) != 3003 || !strings.Contains(events[3002], "ce_type=After") {
		t.Errorf("%d events", len(events))
	}

	s.exec("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE insufficient_privilege; END $$",
		"CREATE TRIGGER refuse BEFORE DELETE ON outbox EXECUTE FUNCTION refuse()",
		insertOutbox("00000000-0000-0000-0000-000000000005", "'order'", "'1'", "Kept", "'1'", "NULL"))
	s.waits()
	s.until(func() bool {
		body, err := s.daemon.get("/api/v1/pipelines/" + s.name)
		return err == nil && strings.Contains(body, "cleanup_failed")
	})
	s.exec("DROP TRIGGER refuse ON outbox")
	s.until(func() bool { return rows() == "" })
	if code := s.daemon.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &s.daemon.log)
	}
}

// TestStdoutPrintsWhatBlocksMake has the type, the id, the key and the payload of each event on its line, and no plain change.
func TestStdoutPrintsWhatBlocksMake(t *testing.T) {
	s := openShop(t)
	s.server.ExecIn(t, s.name, "CREATE TABLE outbox (id int PRIMARY KEY, payload bytea, kind text)")
	address := unusedAddress(t)
	file := strings.Replace(textOf(t, s.file(t, address, "public.o*")), `sink "stdout" "out" {}`, `sink "stdout" "out" {
    outbox {
      table = "public.outbox"
      id    = "e${row.id}"
      key   = row.kind
      type  = "Kind ${row.kind}"
      data  = row.payload
    }
    messages "shop." {}
  }`, 1)
	d := startDaemon(t, withPassword, address, place(t, "outbox.hcl", file))
	tailrace(t, "wait", "-pipeline", "orders", "-url", d.url).expect(t, 0, "every sink holds everything up to", "")
	s.server.ExecIn(t, s.name, "UPDATE orders SET status = 'paid'", `INSERT INTO outbox VALUES (1, '{"a": 1}', 'x'), (2, '\xff', NULL), (3, NULL, 'y')`,
		"SELECT pg_logical_emit_message(true, 'shop.cart', 'seven')")
	tailrace(t, "wait", "-pipeline", "orders", "-url", d.url).expect(t, 0, "every sink holds everything up to", "")
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &d.log)
	}
	var got []string
	for line := range strings.Lines(d.out.String()) {
		event, _, _ := strings.Cut(line, `,"lsn":`)
		got = append(got, event)
	}
	const head = `{"op":"insert","schema":"public","table":"outbox"`
	want := []string{
		head + `,"type":"Kind x","id":"e1","key":"x","data":{"a": 1}`,
		head + `,"id":"e2","key":null,"data_base64":"/w=="`,
		head + `,"type":"Kind y","id":"e3","key":"y","data":null`,
		`{"op":"message","prefix":"shop.cart","type":"shop.cart","data":"seven"`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(- wanted, + got)\n%s", d)
	}
}
