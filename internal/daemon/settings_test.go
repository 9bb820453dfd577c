package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/sink"
)

// settings are those of a source or a sink that finds and drops what the test has set.
type settings struct {
	block    string
	problems []error
	drops    []string
	refuses  error
	calls    *[]string
}

func (s *settings) note(what string, dry bool) {
	if s.calls != nil {
		*s.calls = append(*s.calls, what+" "+s.block+map[bool]string{true: " dry"}[dry])
	}
}

type sourceSettings struct{ settings }

func (s *sourceSettings) Source(string, *zap.Logger) (capture.Source, error) {
	if s.refuses != nil {
		return nil, s.refuses
	}
	return idle{}, nil
}

func (s *sourceSettings) Check(context.Context, string) []error { return s.problems }

func (s *sourceSettings) Look(context.Context, string, []capture.Record) (
	capture.Origin, capture.Slot, []capture.Comparison, error,
) {
	return idle{}.Origin(), capture.Slot{Confirmed: 100, End: 100}, nil, nil
}

func (s *sourceSettings) Drop(_ context.Context, _ string, dry bool) ([]string, error) {
	s.note("drop", dry)
	return s.drops, s.refuses
}

type sinkSettings struct{ settings }

var _ SinkSettings = (*sinkSettings)(nil)

func (s *sinkSettings) Sink(string, string, *zap.Logger) (sink.Sink, error) { return nowhere{}, nil }

func (s *sinkSettings) Check(context.Context, string, string) []error { return s.problems }

func (s *sinkSettings) Drop(_ context.Context, _, _ string, _ capture.Origin, dry bool) ([]string, error) {
	s.note("drop", dry)
	return s.drops, s.refuses
}

// pipelineOf makes a block of a source and sinks named "a", "b", ...
func pipelineOf(name string, source *sourceSettings, sinks ...*sinkSettings) config.Pipeline {
	p := config.Pipeline{Name: name, Window: 1 << 20, Source: config.Block{Kind: "fake", Settings: source}}
	for i, s := range sinks {
		p.Sinks = append(p.Sinks, config.Block{Kind: "fake", Name: string(rune('a' + i)), Settings: s})
	}
	return p
}

func TestCheckFindsEverythingInOrder(t *testing.T) {
	wrong := &capture.Problem{State: "wal_level", Usage: true, Reason: "it is replica"}
	away := &capture.Problem{State: "kafka_unreachable", Reason: "refused"}
	f := &config.File{Pipelines: []config.Pipeline{
		pipelineOf("one", &sourceSettings{settings{problems: []error{wrong, errors.New("second")}}},
			&sinkSettings{}, &sinkSettings{settings{problems: []error{away, &capture.Warning{Reason: "few replicas"}}}}),
		pipelineOf("two", &sourceSettings{settings{problems: []error{wrong}}}, &sinkSettings{}),
	}}
	var got []string
	for _, found := range Check(context.Background(), f) {
		usage := map[bool]string{true: " (usage)"}[found.Usage()] + map[bool]string{true: " (warning)"}[found.Warning() != nil]
		got = append(got, found.Pipeline+" "+found.Block+": "+found.Err.Error()+usage)
	}
	want := []string{
		`one source "fake": wal_level: it is replica (usage)`,
		`one source "fake": second`,
		`one sink "fake" "b": kafka_unreachable: refused`,
		`one sink "fake" "b": few replicas (warning)`,
		`two source "fake": wal_level: it is replica (usage)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDropBeginsAtTheSource(t *testing.T) {
	var calls []string
	p := pipelineOf("orders", &sourceSettings{settings{block: "source", drops: []string{"slot"}, calls: &calls}},
		&sinkSettings{settings{block: "a", drops: []string{"progress"}, refuses: errors.New("no right"), calls: &calls}},
		&sinkSettings{settings{block: "b", drops: []string{"progress", "left: topic"}, calls: &calls}})
	lines, err := Drop(context.Background(), p, false)
	if err == nil || !strings.Contains(err.Error(), `sink "fake" "a" of pipeline orders: no right`) {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff([]string{"slot", "progress", "progress", "left: topic"}, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"drop source", "drop a", "drop b"}, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestDropThatIsRefusedTouchesNoSink(t *testing.T) {
	var calls []string
	p := pipelineOf("orders", &sourceSettings{settings{block: "source", refuses: errors.New("active"), calls: &calls}},
		&sinkSettings{settings{block: "a", calls: &calls}})
	if _, err := Drop(context.Background(), p, true); err == nil || !strings.Contains(err.Error(), "active") {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff([]string{"drop source dry"}, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
