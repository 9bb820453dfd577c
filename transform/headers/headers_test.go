package headers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/headers"
)

// block is a step that has headers and nothing else.
type block struct {
	Headers *config.Expression `hcl:"headers,optional"`

	object *headers.Object
}

func (b *block) CheckSettings(config.Positions) hcl.Diagnostics {
	var diags hcl.Diagnostics
	b.object, diags = headers.New(b.Headers, expr.Names{})
	return diags
}

type none struct{}

func load(t *testing.T, text string, offline bool) (*headers.Object, *config.Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.hcl")
	text = "pipeline \"p\" {\n  source \"none\" {}\n  sink \"none\" \"n\" {\n    block {\n" + text + "\n    }\n  }\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, report := config.Load([]string{path}, config.Kinds{
		Sources: map[string]func() any{"none": func() any { return &none{} }},
		Sinks:   map[string]func() any{"none": func() any { return &none{} }},
		Steps:   map[string]config.StepKind{"block": {Settings: func() any { return &block{} }, Sinks: []string{"none"}}},
	}, config.Options{Offline: offline, Env: func(string) (string, bool) { return "", false }})
	if report.HasErrors() {
		return nil, report
	}
	return f.Pipelines[0].Sinks[0].Steps[0].Settings.(*block).object, report
}

var table = &capture.Table{Schema: "public", Name: "t", Columns: []capture.Column{
	{Name: "a", Type: &capture.Type{Schema: "pg_catalog", Name: "text"}}, {Name: "b", Type: &capture.Type{Schema: "pg_catalog", Name: "text"}},
}}

// of returns the headers that a row with two columns has.
func of(t *testing.T, o *headers.Object, values ...any) (list []transform.Header) {
	t.Helper()
	c, diags := o.Compile(expr.Shape{Table: table, Op: capture.Insert})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	row := make([]capture.Value, len(values))
	for i, v := range values {
		if s, is := v.(string); is {
			row[i] = capture.Value{Kind: capture.Text, Bytes: []byte(s)}
		}
	}
	in := &expr.Input{Change: &capture.Change{Tx: &capture.Tx{}, Op: capture.Insert, Table: table, After: row}}
	first := transform.Header{Name: "first"}
	list, err := c.Append([]transform.Header{first}, &transform.Arena{}, in)
	if err != nil || len(list) == 0 || list[0].Name != "first" || len(list) > 1+c.Len() {
		t.Fatalf("%v, %v", list, err)
	}
	return list[1:]
}

func TestHeaders(t *testing.T) {
	const parent, state = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=1"
	const traced = `headers = { traceparent = row.a, tracestate = row.b, z = "z" }`
	pair := func(names ...string) (list []transform.Header) {
		for i := 0; i < len(names); i += 2 {
			list = append(list, transform.Header{Name: names[i], Value: []byte(names[i+1])})
		}
		return list
	}
	for _, c := range []struct {
		name, text string
		a, b       any
		want       []transform.Header
	}{
		{"in order", `headers = { z = row.a, "a b" = "${row.a}-${row.b}", n = 7 }`, "1", "2", pair("z", "1", "a b", "1-2", "n", "7")},
		{"null is left out", `headers = { a = row.a, b = row.b }`, nil, "", pair("b", "")},
		{"a trace", traced, parent, state, pair("traceparent", parent, "tracestate", state, "z", "z")},
		{"a trace without a state", traced, parent, nil, pair("traceparent", parent, "z", "z")},
		{"a state that is not valid", traced, parent, "vendor", pair("traceparent", parent, "z", "z")},
		{"a parent that is not valid", traced, parent + "0", state, pair("z", "z")},
		{"no parent", traced, nil, state, pair("z", "z")},
		{"none", `headers = {}`, "1", "2", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, report := load(t, c.text, false)
			if report.HasErrors() {
				t.Fatal(report)
			}
			if d := cmp.Diff(c.want, of(t, o, c.a, c.b), cmp.FilterValues(func(a, b []transform.Header) bool {
				return len(a) == 0 && len(b) == 0
			}, cmp.Ignore())); d != "" {
				t.Errorf("(- wanted, + got)\n%s", d)
			}
		})
	}
}

func TestNoHeaders(t *testing.T) {
	o, report := load(t, "", false)
	if report.HasErrors() || o != nil || len(of(t, o, "1", "2")) != 0 {
		t.Errorf("%v, %v", o, report)
	}
}

func TestWhatIsNotKnownOffline(t *testing.T) {
	for text, known := range map[string]bool{
		`headers = { a = env("UNSET") }`:       false,
		`headers = { (env("UNSET")) = row.a }`: false,
		`headers = { a = env("UNSET", "x") }`:  true,
	} {
		if o, report := load(t, text, true); report.HasErrors() || (o != nil) != known {
			t.Errorf("%s: %v, %v", text, o, report)
		}
	}
}

func TestHeadersThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		`headers = row.a`:                  "headers is not an object",
		`headers = ["a"]`:                  "headers is not an object",
		`headers = { a = 1, "a" = 2 }`:     `there are two headers "a"`,
		`headers = { "" = 1 }`:             "a header has no name",
		`headers = { (row.a) = 1 }`:        "row",
		`headers = { a = rwo.a, b = 1 }`:   `Did you mean "row"`,
		`headers = { a = local.x, b = 1 }`: "there is no local.x",
	} {
		if _, report := load(t, text, false); !strings.Contains(report.String(), want) {
			t.Errorf("%s: %s, want %s", text, report, want)
		}
	}
}
