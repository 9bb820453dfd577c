package rulestest

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
)

// Kinds are functions that return settings, by the type of the block.
type Kinds map[string]func() any

// Load loads a file with a sink that has the text in its block, and returns its steps. Every variable of the environment and every
// file has the text "secret" unless the check is offline.
func Load(t testing.TB, kinds Kinds, text string, offline bool) ([]config.Step, *config.Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.hcl")
	file := "locals {\n  paid = \"paid\"\n  none = null\n}\npipeline \"p\" {\n  source \"none\" {}\n  sink \"out\" \"s\" {\n" + text + "\n  }\n}\n"
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	k := config.Kinds{
		Sources: map[string]func() any{"none": func() any { return &struct{}{} }},
		Sinks:   map[string]func() any{"out": func() any { return &struct{}{} }},
		Steps:   map[string]config.StepKind{},
	}
	for name, settings := range kinds {
		k.Steps[name] = config.StepKind{Settings: settings, Sinks: []string{"out"}}
	}
	f, report := config.Load([]string{path}, k, config.Options{
		Offline:  offline,
		Env:      func(string) (string, bool) { return "secret", !offline },
		ReadFile: func(string) ([]byte, error) { return []byte("secret"), nil },
	})
	if report.HasErrors() {
		return nil, report
	}
	return f.Pipelines[0].Sinks[0].Steps, report
}

// MustLoad is Load for a text without problems.
func MustLoad(t testing.TB, kinds Kinds, text string) []config.Step {
	t.Helper()
	steps, report := Load(t, kinds, text, false)
	if report.HasErrors() {
		t.Fatal(report)
	}
	return steps
}

// step is daemon.StepSettings.
type step interface {
	Step(at transform.Site, log *zap.Logger) (transform.Func, error)
}

// fuser is daemon.Fuser.
type fuser interface {
	Fuse(at transform.Site, run []config.Step, log *zap.Logger) (transform.Func, error)
}

// Chain builds the steps of a sink as the daemon does. Steps that can be fused have to be of one kind.
func Chain(t testing.TB, at transform.Site, steps []config.Step) *transform.Chain {
	t.Helper()
	if f, can := steps[0].Settings.(fuser); can {
		return transform.NewChain(transform.Step{Name: "fused", Func: must(t)(f.Fuse(at, steps, zap.NewNop()))})
	}
	var chain []transform.Step
	for _, s := range steps {
		chain = append(chain, transform.Step{Name: s.String(), Func: must(t)(s.Settings.(step).Step(at, zap.NewNop()))})
	}
	return transform.NewChain(chain...)
}

func must(t testing.TB) func(transform.Func, error) transform.Func {
	return func(f transform.Func, err error) transform.Func {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
}

// Check reports what the steps find in live tables.
func Check(steps []config.Step, live ...*capture.Table) *config.Report {
	report := &config.Report{}
	for _, s := range steps {
		for _, d := range s.Settings.(checker).CheckTables(live) {
			report.Add(d)
		}
	}
	return report
}
