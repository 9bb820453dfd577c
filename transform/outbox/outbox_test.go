package outbox_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/outbox"
)

var (
	text   = &capture.Type{Schema: "pg_catalog", Name: "text"}
	uuid   = &capture.Type{Schema: "pg_catalog", Name: "uuid"}
	number = &capture.Type{Schema: "pg_catalog", Name: "int8", Kind: capture.KindInt}
	bytea  = &capture.Type{Schema: "pg_catalog", Name: "bytea", Kind: capture.KindBytes}
	jsonb  = &capture.Type{Schema: "pg_catalog", Name: "jsonb", Kind: capture.KindJSON}

	commit = &capture.Tx{LSN: 0x100, XID: 7, Time: time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)}
)

// tableWith is the outbox table of the tests, with a payload of a type.
func tableWith(payload *capture.Type) *capture.Table {
	return &capture.Table{Schema: "public", Name: "outbox", Key: []int{0}, Columns: []capture.Column{
		{Name: "id", Type: uuid, Key: true, Identity: true, Inline: true},
		{Name: "aggregate_type", Type: text},
		{Name: "aggregate_id", Type: number, Nullable: true, Inline: true},
		{Name: "type", Type: text, Nullable: true},
		{Name: "payload", Type: payload, Nullable: true},
		{Name: "trace", Type: text, Nullable: true},
	}}
}

// row makes values: a string is a text, nil a null.
func row(values ...any) []capture.Value {
	r := make([]capture.Value, len(values))
	for i, v := range values {
		if s, is := v.(string); is {
			r[i] = capture.Value{Kind: capture.Text, Bytes: []byte(s)}
		}
	}
	return r
}

func insert(t *capture.Table, values ...any) *capture.Change {
	return &capture.Change{Tx: commit, Seq: 3, Op: capture.Insert, Table: t, After: row(values...)}
}

// file is a pipeline file with an outbox block in its sink.
func file(block string) string {
	return `pipeline "p" {
  source "none" {}
  sink "stdout" "out" {
    outbox {
      table = "public.outbox"
` + block + `
    }
  }
}
`
}

type none struct{}

// load returns the settings of the block, or what is wrong with the file.
func load(t *testing.T, text string) (*outbox.Settings, *config.Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, report := config.Load([]string{path}, config.Kinds{
		Sources: map[string]func() any{"none": func() any { return &none{} }},
		Sinks:   map[string]func() any{"stdout": func() any { return &none{} }},
		Steps:   map[string]config.StepKind{"outbox": {Settings: func() any { return outbox.NewSettings() }, Sinks: []string{"stdout"}}},
	}, config.Options{})
	if report.HasErrors() {
		return nil, report
	}
	return f.Pipelines[0].Sinks[0].Steps[0].Settings.(*outbox.Settings), report
}

// step returns the step of a block, and its counters.
func step(t *testing.T, block string) (transform.Func, *transform.Rule) {
	t.Helper()
	s, report := load(t, file(block))
	if report.HasErrors() {
		t.Fatal(report)
	}
	site := transform.Site{Pipeline: "p", Sink: "out", Rules: &transform.Rules{}}
	f, err := s.Step(site, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return f, site.Rules.All()[0]
}

const full = `
      id      = row.id
      topic   = "outbox.${row.aggregate_type}"
      key     = row.aggregate_id
      type    = row.type
      data    = row.payload
      headers = { traceparent = row.trace, tenant = "t${row.aggregate_id}" }`

const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func header(name, value string) transform.Header {
	return transform.Header{Name: name, Value: []byte(value)}
}

func TestEventsOfAnOutbox(t *testing.T) {
	for _, c := range []struct {
		name    string
		payload *capture.Type
		values  []any
		want    transform.Event
	}{
		{
			"all", jsonb, []any{"9f1c", "order", "42", "OrderPaid", "{\"a\":\n1}", trace},
			transform.Event{
				ID: []byte("9f1c"), Topic: "outbox.order", Key: []byte("42"), HasKey: true, Type: "OrderPaid",
				Data: []byte("{\"a\":\n1}"), Headers: []transform.Header{header("traceparent", trace), header("tenant", "t42")},
			},
		},
		{
			"nulls", jsonb, []any{nil, "order", nil, nil, nil, nil},
			transform.Event{Topic: "outbox.order", HasKey: true},
		},
		{
			"a null of JSON is no tombstone", jsonb, []any{"1", "order", "42", "T", "null", nil},
			transform.Event{
				ID: []byte("1"), Topic: "outbox.order", Key: []byte("42"), HasKey: true, Type: "T", Data: []byte("null"),
				Headers: []transform.Header{header("tenant", "t42")},
			},
		},
		{
			"a topic that is null, an empty id, an invalid trace", text, []any{"", nil, "42", "T", "plain", "00-zz"},
			transform.Event{
				Key: []byte("42"), HasKey: true, Type: "T", Data: []byte("plain"), Opaque: true,
				Headers: []transform.Header{header("tenant", "t42")},
			},
		},
		{
			"an empty text is no tombstone", text, []any{"1", "order", "42", "T", "", nil},
			transform.Event{
				ID: []byte("1"), Topic: "outbox.order", Key: []byte("42"), HasKey: true, Type: "T", Data: []byte{}, Opaque: true,
				Headers: []transform.Header{header("tenant", "t42")},
			},
		},
		{
			"bytea", bytea, []any{"1", "order", "42", "T", `\x00ff7b`, nil},
			transform.Event{
				ID: []byte("1"), Topic: "outbox.order", Key: []byte("42"), HasKey: true, Type: "T", Data: []byte{0, 0xff, '{'}, Opaque: true,
				Headers: []transform.Header{header("tenant", "t42")},
			},
		},
		{
			"no bytes of a bytea", bytea, []any{"1", "order", "42", "T", `\x`, nil},
			transform.Event{
				ID: []byte("1"), Topic: "outbox.order", Key: []byte("42"), HasKey: true, Type: "T", Data: []byte{}, Opaque: true,
				Headers: []transform.Header{header("tenant", "t42")},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, counts := step(t, full)
			table := tableWith(c.payload)
			for _, op := range []capture.Op{capture.Insert, capture.Read} {
				change := insert(table, c.values...)
				change.Op = op
				got, err := f(nil, transform.Event{Change: change})
				if err != nil {
					t.Fatal(err)
				}
				want := c.want
				want.Change, want.HasData = change, true
				if d := cmp.Diff([]transform.Event{want}, got); d != "" {
					t.Errorf("%s (- wanted, + got)\n%s", op, d)
				}
			}
			nullKeys := uint64(0)
			if c.want.Key == nil {
				nullKeys = 2
			}
			if counts.Seen.Load() != 2 || counts.Matched.Load() != 2 || counts.NullKeys.Load() != nullKeys {
				t.Errorf("seen %d, matched %d, null keys %d", counts.Seen.Load(), counts.Matched.Load(), counts.NullKeys.Load())
			}
		})
	}
}

// A payload that is more than the name of a column is JSON; null is a tombstone.
func TestPayloadThatIsAnExpression(t *testing.T) {
	f, _ := step(t, `data = row.type == "gone" ? null : { type = row.type, order = row.aggregate_id }`)
	table := tableWith(text)
	for kind, want := range map[string]string{"paid": `{"type":"paid","order":42}`, "gone": ""} {
		got, err := f(nil, transform.Event{Change: insert(table, "1", "order", "42", kind, nil, nil)})
		if err != nil || len(got) != 1 {
			t.Fatalf("%d events, %v", len(got), err)
		}
		e := got[0]
		if string(e.Data) != want || (e.Data == nil) != (want == "") || e.Opaque || !e.HasData || e.HasKey || e.Type != "" || e.Topic != "" {
			t.Errorf("%s: %+v", kind, e)
		}
	}
}

// The step consumes the changes of its table and passes on everything else.
func TestWhatAnOutboxConsumes(t *testing.T) {
	table := tableWith(text)
	values := []any{"1", "order", "42", "T", "x", nil}
	other := *table
	other.Name = "outbox2"
	change := func(op capture.Op, t *capture.Table) *capture.Change {
		c := insert(t, values...)
		if c.Op = op; op == capture.Delete || op == capture.Truncate {
			c.Before, c.After = c.After, nil
		}
		return c
	}
	message := &capture.Change{Tx: commit, Op: capture.Message, Table: &capture.Table{Name: "public.outbox"}, After: row("x")}
	for _, c := range []struct {
		name, block string
		event       transform.Event
		want        string // "made", "passed", "" or the reason of the rejection
	}{
		{"insert", `data = row.payload`, transform.Event{Change: change(capture.Insert, table)}, "made"},
		{"delete", `data = row.payload`, transform.Event{Change: change(capture.Delete, table)}, ""},
		{"truncate", `data = row.payload`, transform.Event{Change: change(capture.Truncate, table)}, ""},
		{"update", `data = row.payload`, transform.Event{Change: change(capture.Update, table)}, "outbox_update"},
		{"update, rejected as the file says", "data = row.payload\non_update = \"reject\"", transform.Event{Change: change(capture.Update, table)}, "outbox_update"},
		{"update, ignored", "data = row.payload\non_update = \"ignore\"", transform.Event{Change: change(capture.Update, table)}, ""},
		{"read", `data = row.payload`, transform.Event{Change: change(capture.Read, table)}, "made"},
		{"read, without a snapshot", "data = row.payload\nsnapshot = false", transform.Event{Change: change(capture.Read, table)}, ""},
		{"insert, without a snapshot", "data = row.payload\nsnapshot = false", transform.Event{Change: change(capture.Insert, table)}, "made"},
		{"another table", `data = row.payload`, transform.Event{Change: change(capture.Insert, &other)}, "passed"},
		{"a message", `data = row.payload`, transform.Event{Change: message}, "passed"},
		{"an event of another block", `data = row.payload`, transform.Event{Change: change(capture.Insert, table), Type: "E", HasData: true}, "passed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := step(t, c.block)
			before := transform.Event{Type: "before"}
			got, err := f([]transform.Event{before}, c.event)
			if len(got) == 0 || got[0].Type != "before" {
				t.Fatalf("the events before it are gone: %+v", got)
			}
			outcome := ""
			switch got = got[1:]; {
			case err != nil:
				if r := transform.AsRejection(err); r != nil {
					outcome = r.Reason
				}
			case len(got) == 1 && cmp.Equal(got[0], c.event):
				outcome = "passed"
			case len(got) == 1 && string(got[0].Data) == "x":
				outcome = "made"
			case len(got) > 0:
				outcome = fmt.Sprintf("%+v", got)
			}
			if outcome != c.want {
				t.Errorf("%q (%v), want %q", outcome, err, c.want)
			}
		})
	}
}

// With cleanup = "delete" a step has every row deleted of which it has made an event, and no other.
func TestCleanup(t *testing.T) {
	table := tableWith(text)
	for cleanup, want := range map[string][]string{"none": nil, "delete": {"insert 1", "read 2"}} {
		s, report := load(t, file(full+"\ncleanup = \""+cleanup+"\""))
		if report.HasErrors() || s.Deletes() != (cleanup == "delete") {
			t.Fatal(report, s)
		}
		var deleted []string
		f, err := s.Step(transform.Site{Delete: func(c *capture.Change) {
			deleted = append(deleted, fmt.Sprintf("%s %s", c.Op, c.After[0]))
		}}, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		for i, op := range []capture.Op{capture.Insert, capture.Read, capture.Update, capture.Delete} {
			c := insert(table, fmt.Sprint(i+1), "order", "42", "T", "x", nil)
			if c.Op = op; op == capture.Delete {
				c.Before, c.After = c.After, nil
			}
			_, _ = f(nil, transform.Event{Change: c}) // the update is an error
		}
		if d := cmp.Diff(want, deleted); d != "" {
			t.Errorf("cleanup = %s (- wanted, + got)\n%s", cleanup, d)
		}
	}
	s, report := load(t, file(full+"\ncleanup = \"delete\""))
	if report.HasErrors() {
		t.Fatal(report)
	}
	keyless := *table
	keyless.Key = nil
	if d := s.CheckTables([]*capture.Table{&keyless}); !strings.Contains(d.Error(), "needs a key") {
		t.Errorf("a table without a key: %v", d)
	}
}

// Rows that are inserted and deleted in one transaction leave one event each, whatever else the transaction does.
func TestInsertedAndDeletedInOneTransaction(t *testing.T) {
	f, _ := step(t, full)
	table := tableWith(text)
	var events []transform.Event
	for i := range 3 {
		c := insert(table, fmt.Sprint(i), "order", "42", "T", "x", nil)
		gone := &capture.Change{Tx: commit, Op: capture.Delete, Table: table, Before: c.After}
		for _, c := range []*capture.Change{c, gone} {
			var err error
			if events, err = f(events, transform.Event{Change: c}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var ids []string
	for _, e := range events {
		ids = append(ids, string(e.ID))
	}
	if d := cmp.Diff([]string{"0", "1", "2"}, ids); d != "" {
		t.Errorf("ids (- wanted, + got)\n%s", d)
	}
}

// A table may get another shape in mid stream. One that the block does not fit halts with a problem that names the place.
func TestShapes(t *testing.T) {
	f, _ := step(t, full)
	wide := tableWith(text)
	wide.Columns = append([]capture.Column{{Name: "at", Type: text}}, wide.Columns...)
	narrow := &capture.Table{Schema: "public", Name: "outbox", Columns: wide.Columns[:3]}
	for range 2 {
		got, err := f(nil, transform.Event{Change: insert(wide, "now", "9f1c", "order", "42", "T", "x", nil)})
		if err != nil || len(got) != 1 || string(got[0].ID) != "9f1c" || string(got[0].Data) != "x" {
			t.Fatalf("%+v, %v", got, err)
		}
		_, err = f(nil, transform.Event{Change: insert(narrow, "now", "9f1c", "order")})
		p := capture.AsProblem(err)
		if p == nil || p.State != "rule_does_not_fit" || !p.Halted || !strings.Contains(p.Reason, "f.hcl:") || !strings.Contains(p.Reason, "public.outbox") {
			t.Fatalf("another shape: %v", err)
		}
	}
}

func TestByteaThatIsNotHex(t *testing.T) {
	f, _ := step(t, full)
	_, err := f(nil, transform.Event{Change: insert(tableWith(bytea), "1", "order", "42", "T", `\001`, nil)})
	if r := transform.AsRejection(err); r == nil || !strings.Contains(err.Error(), "bytea_output") {
		t.Errorf("%v", err)
	}
}

func TestTexts(t *testing.T) {
	f, _ := step(t, full)
	table := tableWith(text)
	var events []transform.Event
	for i := range 2000 {
		var err error
		if events, err = f(events, transform.Event{Change: insert(table, fmt.Sprint("id", i), "order", fmt.Sprint(i), "T", "x", trace)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, e := range events { // an event keeps its texts, however many follow
		n := fmt.Sprint(i)
		if string(e.ID) != "id"+n || string(e.Key) != n || string(e.Headers[0].Value) != trace || string(e.Headers[1].Value) != "t"+n {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
}

func TestOutboxAllocatesNothingPerEvent(t *testing.T) {
	f, _ := step(t, full)
	e := transform.Event{Change: insert(tableWith(bytea), "9f1c", "order", "42", "T", `\x00ff`, trace)}
	dst := make([]transform.Event, 0, 1)
	n := testing.AllocsPerRun(5000, func() {
		if _, err := f(dst, e); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations per event", n)
	}
}

func TestProblemsOfTheBlock(t *testing.T) {
	for name, c := range map[string]struct{ block, want string }{
		"no payload":          {`key = row.id`, `An outbox block needs the attribute "data"`},
		"on_update":           {"data = row.payload\non_update = \"skip\"", `Write "reject" or "ignore"`},
		"cleanup":             {"data = row.payload\ncleanup = \"vacuum\"", `cleanup is "vacuum"`},
		"headers":             {"data = row.payload\nheaders = row.headers", "headers is not an object"},
		"a header twice":      {"data = row.payload\nheaders = { a = row.id, a = row.type }", `there are two headers "a"`},
		"a header of no name": {"data = row.payload\nheaders = { \"\" = row.id }", "a header has no name"},
		"an unknown name":     {`data = rwo.payload`, `Did you mean "row"`},
	} {
		if _, report := load(t, file(c.block)); !strings.Contains(report.String(), c.want) {
			t.Errorf("%s: %s", name, report)
		}
	}
	if _, report := load(t, strings.Replace(file("data = row.payload"), "public.outbox", "outbox", 1)); !strings.Contains(report.String(), "is not schema.table") {
		t.Errorf("a table without a schema: %s", report)
	}
}

func TestCheckTables(t *testing.T) {
	good := tableWith(text)
	narrow := &capture.Table{Schema: "public", Name: "outbox", Columns: good.Columns[:3]}
	misnamed := *good
	misnamed.Name = "outbix"
	for name, c := range map[string]struct {
		live *capture.Table
		want []string
	}{
		"fits":         {good, nil},
		"no such":      {&misnamed, []string{"the source publishes no table", `Did you mean "public.outbix"`}},
		"columns lack": {narrow, []string{"row.type", "row.payload", "row.trace"}},
	} {
		s, report := load(t, file(full))
		if report.HasErrors() {
			t.Fatal(report)
		}
		var all strings.Builder
		diags := s.CheckTables([]*capture.Table{c.live})
		for _, d := range diags {
			fmt.Fprintf(&all, "%s: %s: %s\n", d.Subject, d.Summary, d.Detail)
		}
		if c.want == nil && len(diags) > 0 {
			t.Errorf("%s: %s", name, all.String())
		}
		for _, want := range c.want {
			if !strings.Contains(all.String(), strings.TrimPrefix(want, "row.")) {
				t.Errorf("%s: %s does not tell of %s", name, all.String(), want)
			}
		}
	}
}

func TestTopics(t *testing.T) {
	for topic, want := range map[string][]string{
		`"shop.events"`: {"shop.events"}, `"outbox.${row.aggregate_type}"`: nil, `row.aggregate_type`: nil, `null`: nil,
		`lower("SHOP")`: {"shop"},
	} {
		s, report := load(t, file("data = row.payload\ntopic = "+topic))
		if report.HasErrors() {
			t.Fatal(report)
		}
		if d := cmp.Diff(want, s.Topics()); d != "" {
			t.Errorf("%s (- wanted, + got)\n%s", topic, d)
		}
	}
}

// An evaluation that fails rejects its event only.
func TestFailedEvaluation(t *testing.T) {
	f, _ := step(t, "data = row.payload\nkey = 1 / row.aggregate_id")
	_, err := f(nil, transform.Event{Change: insert(tableWith(text), "1", "order", "0", "T", "x", nil)})
	if r := transform.AsRejection(err); r == nil {
		t.Errorf("a division by zero: %v", err)
	}
}
