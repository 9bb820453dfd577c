package messages_test

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
	"github.com/tailrace/tailrace/transform/messages"
)

var commit = &capture.Tx{LSN: 0x100, XID: 7, Time: time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)}

// message returns a logical message as a source reads it.
func message(prefix string, content []byte) *capture.Change {
	return &capture.Change{
		Tx: commit, Op: capture.Message,
		Table: &capture.Table{Name: prefix, Columns: []capture.Column{
			{Name: "content", Type: &capture.Type{Schema: "pg_catalog", Name: "text"}, Inline: true},
		}},
		After: []capture.Value{{Kind: capture.Text, Bytes: content}},
	}
}

type none struct{}

func load(t *testing.T, block string) (*messages.Settings, *config.Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.hcl")
	text := "pipeline \"p\" {\n  source \"none\" {}\n  sink \"stdout\" \"out\" {\n" + block + "\n  }\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, report := config.Load([]string{path}, config.Kinds{
		Sources: map[string]func() any{"none": func() any { return &none{} }},
		Sinks:   map[string]func() any{"stdout": func() any { return &none{} }},
		Steps:   map[string]config.StepKind{"messages": {Settings: func() any { return &messages.Settings{} }, Sinks: []string{"stdout"}}},
	}, config.Options{})
	if report.HasErrors() {
		return nil, report
	}
	return f.Pipelines[0].Sinks[0].Steps[0].Settings.(*messages.Settings), report
}

func step(t *testing.T, block string) (transform.Func, *transform.Rule) {
	t.Helper()
	s, report := load(t, block)
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

func TestMessages(t *testing.T) {
	const all = `messages "shop." {
      topic = "shop.${table.name}"
      key   = row.content
      type  = "T ${table.name}"
    }`
	for _, c := range []struct {
		name, block, prefix string
		content             []byte
		want                transform.Event
	}{
		{"all", all, "shop.paid", []byte("42"), transform.Event{
			Topic: "shop.shop.paid", Type: "T shop.paid", Key: []byte("42"), HasKey: true, Data: []byte("42"),
		}},
		{"nothing", `messages "shop." {}`, "shop.paid", []byte{0xff, 0, '\n'}, transform.Event{Type: "shop.paid", Data: []byte{0xff, 0, '\n'}}},
		{"an empty message is no tombstone", `messages "shop." {}`, "shop.", nil, transform.Event{Type: "shop.", Data: []byte{}}},
		{"a type that is null", `messages "shop." { type = null }`, "shop.x", []byte("x"), transform.Event{Type: "shop.x", Data: []byte("x")}},
		{"the pipeline", `messages "shop." { key = source.pipeline }`, "shop.x", []byte("x"), transform.Event{
			Type: "shop.x", Key: []byte("p"), HasKey: true, Data: []byte("x"),
		}},
		{"a null key", `messages "shop." { key = table.name == "shop.x" ? null : "k" }`, "shop.x", []byte("x"), transform.Event{
			Type: "shop.x", HasKey: true, Data: []byte("x"),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, counts := step(t, c.block)
			change := message(c.prefix, c.content)
			got, err := f(nil, transform.Event{Change: change})
			if err != nil {
				t.Fatal(err)
			}
			c.want.Change, c.want.HasData, c.want.Opaque = change, true, true
			if d := cmp.Diff([]transform.Event{c.want}, got); d != "" {
				t.Errorf("(- wanted, + got)\n%s", d)
			}
			nulls := uint64(0)
			if c.want.HasKey && c.want.Key == nil {
				nulls = 1
			}
			if counts.Seen.Load() != 1 || counts.Matched.Load() != 1 || counts.NullKeys.Load() != nulls {
				t.Errorf("seen %d, matched %d, null keys %d", counts.Seen.Load(), counts.Matched.Load(), counts.NullKeys.Load())
			}
		})
	}
}

// A step passes on what is not a message of its prefix.
func TestWhatIsPassedOn(t *testing.T) {
	f, counts := step(t, `messages "shop." {}`)
	table := &capture.Change{Tx: commit, Op: capture.Insert, Table: &capture.Table{Schema: "public", Name: "shop.paid"}}
	for name, e := range map[string]transform.Event{
		"another prefix":            {Change: message("shops.paid", []byte("x"))},
		"a shorter prefix":          {Change: message("shop", []byte("x"))},
		"a prefix in the middle":    {Change: message("my.shop.paid", []byte("x"))},
		"a change of a table":       {Change: table},
		"an event of another block": {Change: message("shop.paid", []byte("x")), Type: "E", HasData: true},
	} {
		got, err := f(nil, e)
		if err != nil || len(got) != 1 || !cmp.Equal(got[0], e) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if counts.Matched.Load() != 0 {
		t.Errorf("%d are counted", counts.Matched.Load())
	}
}

func TestMessagesAllocateNothingPerEvent(t *testing.T) {
	f, _ := step(t, `messages "shop." {
      topic = "shop.${table.name}"
      key   = row.content
    }`)
	e := transform.Event{Change: message("shop.paid", []byte("42"))}
	dst := make([]transform.Event, 0, 1)
	if n := testing.AllocsPerRun(5000, func() {
		if _, err := f(dst, e); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations per event", n)
	}
}

func TestTopicsOfMessages(t *testing.T) {
	for topic, want := range map[string][]string{`topic = "shop.events"`: {"shop.events"}, `topic = "x.${table.name}"`: nil, "": nil} {
		s, report := load(t, "messages \"shop.\" {\n"+topic+"\n}")
		if report.HasErrors() {
			t.Fatal(report)
		}
		if d := cmp.Diff(want, s.Topics()); d != "" || !s.Publishes() || !s.ReadsMessages() {
			t.Errorf("%s (- wanted, + got)\n%s", topic, d)
		}
	}
}

func TestProblemsOfMessages(t *testing.T) {
	for block, want := range map[string]string{
		`messages "" {}`: "the prefix is empty",
		`messages {}`:    "a messages block needs a prefix",
		`messages "shop." { data = row.content }`:      `there is no attribute "data" in a messages`,
		`messages "shop." { key = row.id }`:            "content",
		`messages "shop." { topic = rwo.content }`:     `Did you mean "row"`,
		"messages \"shop.\" {}\nmessages \"shop.\" {}": `there are two blocks messages "shop."`,
	} {
		if _, report := load(t, block); !strings.Contains(fmt.Sprint(report), want) {
			t.Errorf("%s: %s, want %s", block, report, want)
		}
	}
}
