package expr_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
)

// topics is a sink of the tests.
type topics struct {
	Topic *config.Expression `hcl:"topic,optional"`
	Other *config.Expression `hcl:"other,optional"`
}

func (s *topics) CheckSettings(config.Positions) hcl.Diagnostics {
	_, diags := expr.NewTemplate(s.Topic)
	_, more := expr.NewTemplate(s.Other)
	return append(diags, more...)
}

// load loads a pipeline whose sink has the given attributes, with a variable REGION=eu and a secret file.
func load(t *testing.T, locals, sink string, o config.Options) (*topics, *config.Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.hcl")
	text := "locals {\n" + locals + "\n}\npipeline \"p\" {\n  source \"none\" {}\n  sink \"topics\" \"s\" {\n" + sink + "\n  }\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if o.Env == nil {
		o.Env = func(name string) (string, bool) { return "eu", name == "REGION" }
	}
	if o.ReadFile == nil {
		o.ReadFile = func(string) ([]byte, error) { return []byte("hunter2-CANARY\n"), nil }
	}
	f, report := config.Load([]string{path}, config.Kinds{
		Sources: map[string]func() any{"none": func() any { return &struct{}{} }},
		Sinks:   map[string]func() any{"topics": func() any { return &topics{} }},
	}, o)
	if f == nil {
		return nil, report
	}
	return f.Pipelines[0].Sinks[0].Settings.(*topics), report
}

func mustLoad(t *testing.T, locals, sink string, o config.Options) *topics {
	t.Helper()
	s, report := load(t, locals, sink, o)
	if report.HasErrors() {
		t.Fatal(report)
	}
	return s
}

func mustCompile(t *testing.T, e *config.Expression) *expr.Template {
	t.Helper()
	tpl, diags := expr.NewTemplate(e)
	if diags.HasErrors() || tpl == nil {
		t.Fatalf("%v, %v", tpl, diags)
	}
	return tpl
}

func TestTemplateByManyGoroutines(t *testing.T) {
	topic := mustCompile(t, mustLoad(t, "", `topic = "${upper("${env("REGION")}.${table.name}")}"`, config.Options{}).Topic)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := topic.Eval("public", "t"); got != "EU.T" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	wg.Wait()
}

// An expression that is null is not given, and one that an offline check does not know gives no template and no problem.
func TestNoTemplate(t *testing.T) {
	s := mustLoad(t, "none = null", "topic = local.none\nother = null", config.Options{})
	if s.Topic != nil || s.Other != nil {
		t.Errorf("null is %v, %v", s.Topic, s.Other)
	}
	for _, text := range []string{`env("UNSET")`, `"${env("UNSET")}.${table.name}"`, `"${local.unset}.${table.name}"`} {
		s := mustLoad(t, `unset = env("UNSET")`, "topic = "+text, config.Options{Offline: true})
		if tpl, diags := expr.NewTemplate(s.Topic); tpl != nil || len(diags) > 0 || s.Topic.Known() {
			t.Errorf("%s: %v, %v, known %t", text, tpl, diags, s.Topic.Known())
		}
	}
	_, report := load(t, "", `topic = "${table.nam}.${env("UNSET")}"`, config.Options{Offline: true})
	if !strings.Contains(report.String(), `Did you mean "table.name"`) {
		t.Errorf("a wrong name in an offline check:\n%s", report)
	}
}

// What a template reads when the files are loaded does not change later.
func TestFilesAreReadOnce(t *testing.T) {
	text := "one"
	read := func(string) ([]byte, error) { return []byte(text), nil }
	topic := mustCompile(t, mustLoad(t, "", `topic = "${file("/name")}.${upper("${file("/name")}.${table.name}")}"`, config.Options{ReadFile: read}).Topic)
	text = "two"
	if got, err := topic.Eval("public", "t"); got != "one.ONE.T" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestSecret(t *testing.T) {
	for text, want := range map[string]bool{
		`"a.${table.name}"`: false, `"${local.plain}.${table.name}"`: false, `"a"`: false, `"${table.schema == "x" ? "a" : "b"}"`: false,
		`"${env("REGION")}.${table.name}"`: true, `"${file("/s")}.${table.name}"`: true, `"${local.secret}.${table.name}"`: true,
		`file("/s")`: true, `local.secret`: true, `"${upper(substr(file("/s"), 0, 1))}${table.name}"`: true,
		`"${env(table.name, "x")}"`: true,
	} {
		s := mustLoad(t, `plain = "p"`+"\n"+`secret = "x${file("/s")}"`, "topic = "+text, config.Options{})
		if s.Topic.Secret() != want {
			t.Errorf("%s: secret %t", text, !want)
		}
	}
}
