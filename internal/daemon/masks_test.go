package daemon

import (
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/transform"
)

// hide is a step that masks; it counts how often it was built, and where.
type hide struct {
	fails bool
	built []string
}

func (h *hide) Step(at transform.Site, _ *zap.Logger) (transform.Func, error) {
	h.built = append(h.built, "step of "+at.Sink)
	return func(dst []transform.Event, e transform.Event) ([]transform.Event, error) { return append(dst, e), nil }, nil
}

func (h *hide) Mask(at transform.Site, _ *zap.Logger) (transform.RowMask, error) {
	if h.fails {
		return nil, errors.New("no such column")
	}
	h.built = append(h.built, "mask of "+at.Pipeline+" "+at.Sink)
	return func(*capture.Change) error { return nil }, nil
}

// A mask of a pipeline is built for the stream and for the copies of each sink, and is no step of a chain. A mask of a sink is a step.
func TestMasksOfAPipelineAreNoSteps(t *testing.T) {
	ofPipeline, ofSink := &hide{}, &hide{}
	p := pipelineOf("orders", &sourceSettings{}, &sinkSettings{}, &sinkSettings{})
	p.Steps = []config.Step{{Kind: "mask", Settings: ofPipeline}, {Kind: "mark", Settings: &mark{Name: "m"}}}
	p.Sinks[1].Steps = []config.Step{{Kind: "mask", Settings: ofSink}}
	var kinds []string
	for _, s := range p.Sinks {
		for _, step := range stepsOf(p, s) {
			kinds = append(kinds, step.Kind)
		}
	}
	if got := strings.Join(kinds, ", "); got != "mark, key change, mark, mask, key change" {
		t.Errorf("the chains of the sinks are %s", got)
	}
	if _, err := build(t.Context(), p, capture.FixArgs{}, 1<<20, nil, pipeline.NewMetrics(prometheus.NewRegistry()), zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ofPipeline.built, ", "); got != "mask of orders , mask of orders , mask of orders " {
		t.Errorf("of the pipeline: %q", got)
	}
	if got := strings.Join(ofSink.built, ", "); got != "step of b" {
		t.Errorf("of the sink: %q", got)
	}
	ofPipeline.fails = true
	if _, err := build(t.Context(), p, capture.FixArgs{}, 1<<20, nil, pipeline.NewMetrics(prometheus.NewRegistry()), zap.NewNop()); err == nil || err.Error() != "mask: no such column" {
		t.Errorf("a mask that cannot be built: %v", err)
	}
}

// headedSettings are those of a sink that takes headers.
type headedSettings struct{ sinkSettings }

func (*headedSettings) TakesHeaders() bool { return true }

// The trace of an annotated transaction is in the headers of every event of a sink that takes headers.
func TestTracesOfSinksThatTakeHeaders(t *testing.T) {
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	p := pipelineOf("orders", &sourceSettings{}, &sinkSettings{})
	headed := config.Block{Kind: "headed", Name: "h", Settings: &headedSettings{}}
	for _, c := range []struct {
		sink        config.Block
		annotations string
		want        string
	}{
		{p.Sinks[0], `{"traceparent":"` + trace + `"}`, "delete: , insert: "},
		{headed, `{"traceparent":"` + trace + `"}`, "delete: traceparent=" + trace + ", insert: traceparent=" + trace},
		{headed, "", "delete: , insert: "},
	} {
		chain, err := buildChain(p, c.sink, transform.Site{}, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		e := keyMoved()
		if c.annotations != "" {
			e.Change.Tx.Annotations = []byte(c.annotations)
		}
		events, err := chain.Apply(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range events {
			var headers []string
			for _, h := range e.Headers {
				headers = append(headers, h.Name+"="+string(h.Value))
			}
			got = append(got, e.Change.Op.String()+": "+strings.Join(headers, " "))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s, %s: %q, want %q", c.sink.Name, c.annotations, got, c.want)
		}
	}
}
