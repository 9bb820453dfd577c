package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
)

// mark is a step that adds a header with its name, its sink and the operation that it saw.
type mark struct {
	Name    string `hcl:"name,label"`
	Refuses bool   `hcl:"refuses,optional"` // every event
	Fails   bool   `hcl:"fails,optional"`   // to be built
}

func (m *mark) Step(at transform.Site, _ *zap.Logger) (transform.Func, error) {
	if m.Fails {
		return nil, errors.New("no such column")
	}
	return func(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
		if m.Refuses {
			return nil, errors.New("no id")
		}
		e.Headers = append(e.Headers[:len(e.Headers):len(e.Headers)],
			transform.Header{Name: strings.Join([]string{at.Pipeline, at.Sink, m.Name, e.Change.Op.String()}, " ")})
		return append(dst, e), nil
	}, nil
}

// double is another kind of step: it copies every event.
type double struct{}

func (*double) Step(transform.Site, *zap.Logger) (transform.Func, error) {
	return func(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
		return append(dst, e, e), nil
	}, nil
}

// wholeSettings are those of a sink that takes a change of key as one update.
type wholeSettings struct{ sinkSettings }

func (*wholeSettings) KeyChanges() bool { return true }

// loadSteps loads a pipeline "orders" with a sink "keyed" and a sink "whole".
func loadSteps(t *testing.T, pipeline, keyed, whole string) config.Pipeline {
	t.Helper()
	k := Kinds{
		Sources: map[string]func() SourceSettings{"fake": func() SourceSettings { return &sourceSettings{} }},
		Sinks: map[string]func() SinkSettings{
			"keyed": func() SinkSettings { return &sinkSettings{} },
			"whole": func() SinkSettings { return &wholeSettings{} },
		},
		Steps: map[string]StepKind{
			"mark":   {Settings: func() StepSettings { return &mark{} }, Pipeline: true, Sinks: []string{"keyed", "whole"}},
			"double": {Settings: func() StepSettings { return &double{} }, Sinks: []string{"keyed"}},
		},
	}
	path := filepath.Join(t.TempDir(), "f.hcl")
	text := "pipeline \"orders\" {\n" + pipeline + "\nsource \"fake\" {}\nsink \"keyed\" \"k\" {\n" + keyed + "\n}\nsink \"whole\" \"w\" {\n" +
		whole + "\n}\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, report := config.Load([]string{path}, k.Config(), config.Options{})
	if report.HasErrors() {
		t.Fatal(report)
	}
	return f.Pipelines[0]
}

// keyMoved is an update that changes a row's key.
func keyMoved() transform.Event {
	value := func(s string) []capture.Value { return []capture.Value{{Kind: capture.Text, Bytes: []byte(s)}} }
	table := &capture.Table{Schema: "public", Name: "t", Key: []int{0}, Columns: []capture.Column{{Name: "id", Key: true}}}
	return transform.Event{Change: &capture.Change{
		Tx: &capture.Tx{LSN: 8}, Op: capture.Update, Table: table, Before: value("1"), After: value("2"),
	}}
}

// TestStepsAreAppliedInTheOrderOfTheFile: the pipeline's steps, then the sink's, whatever their kinds, then the split of a change of
// key.
func TestStepsAreAppliedInTheOrderOfTheFile(t *testing.T) {
	p := loadSteps(t, `mark "second" {}`+"\n"+`mark "first" {}`, `mark "b" {}
double {}
mark "off" { enabled = false }
mark "a" {}`, `mark "c" {}`)
	for i, want := range [][]string{
		{
			"delete: orders k second update, orders k first update, orders k b update, orders k a update",
			"insert: orders k second update, orders k first update, orders k b update, orders k a update",
			"delete: orders k second update, orders k first update, orders k b update, orders k a update",
			"insert: orders k second update, orders k first update, orders k b update, orders k a update",
		},
		{"update: orders w second update, orders w first update, orders w c update"},
	} {
		chain, err := buildChain(p, p.Sinks[i], transform.Site{Pipeline: p.Name, Sink: p.Sinks[i].Name}, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		events, err := chain.Apply(nil, keyMoved())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range events {
			var names []string
			for _, h := range e.Headers {
				names = append(names, h.Name)
			}
			got = append(got, e.Change.Op.String()+": "+strings.Join(names, ", "))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sink %s (- wanted, + got)\n%s", p.Sinks[i].Name, diff)
		}
	}
}

func TestErrorsNameTheStep(t *testing.T) {
	p := loadSteps(t, "", `mark "a" {}`+"\n"+`mark "b" { refuses = true }`, `mark "c" { fails = true }`)
	chain, err := buildChain(p, p.Sinks[0], transform.Site{Pipeline: p.Name, Sink: p.Sinks[0].Name}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.Apply(nil, keyMoved()); err == nil || err.Error() != `mark "b": no id` {
		t.Errorf("a rejected event: %v", err)
	}
	_, err = build(t.Context(), p, capture.FixArgs{}, 1<<20, nil, nil, zap.NewNop())
	if want := `sink "whole" "w": mark "c": no such column`; err == nil || err.Error() != want {
		t.Errorf("a step that cannot be built: %v, want %s", err, want)
	}
	p.Sinks[1].Steps[0].Settings = &struct{}{}
	if _, err := buildChain(p, p.Sinks[1], transform.Site{Pipeline: p.Name, Sink: p.Sinks[1].Name}, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "has no method Step") {
		t.Errorf("settings without a step: %v", err)
	}
}

// numbers is a sink whose format has numeric values as numbers.
type numbers struct{ sinkSettings }

func (numbers) NumericAsNumber() bool { return true }

func TestStepsKnowTheNumericOfTheFormat(t *testing.T) {
	p := config.Pipeline{Name: "p"}
	for _, c := range []struct {
		settings any
		want     bool
	}{{&sinkSettings{}, false}, {numbers{}, true}} {
		if got := siteOf(p, config.Block{Name: "s", Settings: c.settings}, nil).NumericAsNumber; got != c.want {
			t.Errorf("%T: %v, want %v", c.settings, got, c.want)
		}
	}
}
