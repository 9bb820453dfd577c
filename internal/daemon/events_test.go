package daemon

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform/changes"
	"github.com/tailrace/tailrace/transform/event"
	"github.com/tailrace/tailrace/transform/filter"
	"github.com/tailrace/tailrace/transform/mask"
	"github.com/tailrace/tailrace/transform/rules/rulestest"
)

// scriptSettings are those of a source that reads a script.
type scriptSettings struct {
	sourceSettings
	script *capturetest.Script
}

func (s *scriptSettings) Source(string, *zap.Logger) (capture.Source, error) {
	return s.script.Source(), nil
}

func (s *scriptSettings) Tables(context.Context, string) ([]*capture.Table, error) {
	return []*capture.Table{capturetest.Table}, nil
}

// collect is a sink that keeps what it gets, as text.
type collect struct {
	sinkSettings
	mu     sync.Mutex
	events []string
}

func (c *collect) Sink(string, string, *zap.Logger) (sink.Sink, error) {
	return &collector{into: c}, nil
}

func (c *collect) texts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.events...)
}

type collector struct {
	into *collect
	held func(capture.Position)
}

func (c *collector) Open(_ context.Context, l sink.Lane) (sink.Writer, sink.Progress, error) {
	return &collector{c.into, l.OnDurable}, sink.Progress{Record: sink.RecordUnsupported}, nil
}

func (c *collector) Write(_ context.Context, batches []sink.Batch) error {
	c.into.mu.Lock()
	defer c.into.mu.Unlock()
	for i := range batches {
		for j := range batches[i].Events {
			c.into.events = append(c.into.events, rulestest.Show(&batches[i].Events[j]))
		}
	}
	c.held(batches[len(batches)-1].End)
	return nil
}

func (c *collector) Close() error { return nil }

// runEvents runs a pipeline from a script into a sink with the blocks, until the sink has as many events as it shall, and returns
// them and the metrics.
func runEvents(t *testing.T, blocks string, script *capturetest.Script, want int) ([]string, string) {
	t.Helper()
	into := &collect{}
	k := Kinds{
		Sources: map[string]func() SourceSettings{"script": func() SourceSettings { return &scriptSettings{script: script} }},
		Sinks:   map[string]func() SinkSettings{"collect": func() SinkSettings { return into }},
		Steps:   map[string]StepKind{},
	}
	for name, settings := range map[string]func() StepSettings{
		"event": func() StepSettings { return &event.Settings{} }, "changes": func() StepSettings { return &changes.Settings{} },
		"filter": func() StepSettings { return &filter.Settings{} }, "mask": func() StepSettings { return &mask.Settings{} },
	} {
		k.Steps[name] = StepKind{Settings: settings, Sinks: []string{"collect"}}
	}
	path := filepath.Join(t.TempDir(), "f.hcl")
	if err := os.WriteFile(path, []byte("pipeline \"p\" {\n  source \"script\" {}\n  sink \"collect\" \"c\" {\n"+blocks+"\n  }\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, report := config.Load([]string{path}, k.Config(), config.Options{})
	if report.HasErrors() {
		t.Fatal(report)
	}
	registry := prometheus.NewRegistry()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	p, err := build(ctx, f.Pipelines[0], capture.FixArgs{}, 1<<20, nil, pipeline.NewMetrics(registry), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	for len(into.texts()) < want && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	metrics := scrape(t, registry)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return into.texts(), metrics
}

// scrape returns the series of rules, one per line.
func scrape(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if found, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(found) > 0 {
		t.Errorf("promlint: %v, %v", found, err)
	}
	var out []string
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "tailrace_rule_") {
			continue
		}
		for _, m := range f.GetMetric() {
			line := f.GetName()
			for _, l := range m.GetLabel() {
				line += " " + l.GetName() + "=" + l.GetValue()
			}
			out = append(out, line+" "+m.GetCounter().String())
		}
	}
	return strings.Join(out, "\n")
}

// TestEventsOfAScriptedSource: rows become events, masked and filtered, in the order of the log, and only changes of admitted tables
// are published next to them.
func TestEventsOfAScriptedSource(t *testing.T) {
	script := capturetest.NewScript()
	script.Commit(1, 2)
	script.Commit(3, 4, 2)
	const blocks = `
    filter "public.ledger" {
      when = row.id != 3
    }
    mask "public.ledger" {
      columns = { ver = row.id * 100 }
    }
    event "Even" {
      table = "public.ledger"
      when  = row.id % 2 == 0 && op != "delete"
      key   = "k${row.id}"
      data  = { id = row.id, ver = row.ver }
    }
    event "One" {
      table = "public.ledger"
      when  = op == "update" && row.id == 1
      key   = try(null, row.ver)
      data  = op
    }`
	got, metrics := runEvents(t, blocks, script, 4)
	want := `One key=null data="update" | Even key=k2 data={"id":2,"ver":200} | Even key=k4 data={"id":4,"ver":400} | Even key=k2 data={"id":2,"ver":200}`
	if strings.Join(got, " | ") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, " | "), want)
	}
	for _, line := range []string{
		`tailrace_rule_changes_total pipeline=p result=matched rule=event "Even" sink=c value:3`,
		`tailrace_rule_changes_total pipeline=p result=not_matched rule=event "Even" sink=c value:1`,
		`tailrace_rule_changes_total pipeline=p result=not_matched rule=filter "public.ledger" sink=c value:1`,
		`tailrace_rule_null_keys_total pipeline=p rule=event "One" sink=c value:1`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s:\n%s", line, metrics)
		}
	}

	script = capturetest.NewScript()
	script.Commit(1)
	got, _ = runEvents(t, blocks+"\n    changes {}", script, 2)
	if want := `One key=null data="update" | update 1,100`; strings.Join(got, " | ") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, " | "), want)
	}
}
