package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/sink"
)

// laneOrigin is where the records of these tests come from. The source is at a restored state: it ends at 200, and its slot is confirmed
// up to 100.
var laneOrigin = capture.Origin{System: 7, Timeline: 1, Publication: "p", Database: capture.Database{OID: 5, Name: "d"}, Slot: "s"}

// restored is the source; it knows no commits.
type restored struct{ sourceSettings }

func (*restored) Look(_ context.Context, _ string, records []capture.Record) (
	capture.Origin, capture.Slot, []capture.Comparison, error,
) {
	return laneOrigin, capture.Slot{Confirmed: 100, End: 200}, make([]capture.Comparison, len(records)), nil
}

// ledger is a sink with a record, and its block.
type ledger struct {
	sinkSettings
	record sink.Progress
	takes  int   // records that it takes yet; -1: no end
	down   error // of Read
	wrote  *[]string
}

func (l *ledger) Sink(string, string, *zap.Logger) (sink.Sink, error) { return l, nil }

func (l *ledger) Read(context.Context, string, capture.Origin) (sink.Progress, error) {
	return l.record, l.down
}

func (l *ledger) Open(context.Context, sink.Lane) (sink.Writer, sink.Progress, error) {
	return l, l.record, nil
}

func (l *ledger) Write(context.Context, []sink.Batch) error { return nil }
func (l *ledger) Close() error                              { return nil }

func (l *ledger) Record(_ context.Context, p sink.Progress) error {
	if l.takes == 0 {
		return errTarget
	}
	l.takes--
	l.record = p
	what := "goes on"
	if p.Verdict != nil {
		what = p.Verdict.State
	}
	*l.wrote = append(*l.wrote, l.block+" "+what)
	return nil
}

var errTarget = errors.New("target: connection refused")

// two is a pipeline with two sinks: a was found to be ahead before the source had overtaken it, and b holds as much.
func two() (p config.Pipeline, a, b *ledger, wrote *[]string) {
	wrote = &[]string{}
	p = pipelineOf("p", &sourceSettings{})
	p.Source.Settings = &restored{}
	for _, name := range []string{"a", "b"} {
		l := &ledger{sinkSettings: sinkSettings{settings{block: name}}, takes: -1, wrote: wrote}
		l.record = sink.Progress{
			Position: capture.Position{LSN: 150}, Origin: laneOrigin, Commit: capture.Commit{LSN: 150, XID: 7, Time: time.Unix(1, 0)},
		}
		p.Sinks = append(p.Sinks, config.Block{Kind: "fake", Name: name, Settings: l})
		if name == "a" {
			a = l
			a.record.Verdict = &sink.Verdict{State: "ahead_of_source", Reason: "so it is", Since: time.Unix(2, 0), Confirmed: 100}
		} else {
			b = l
		}
	}
	return p, a, b, wrote
}

// An acceptance counts for a sink that is halted by what another one has shown. Each verdict is in its own record before the
// first one is accepted.
func TestAcceptNamesEverySinkOfARestoredSource(t *testing.T) {
	p, a, b, wrote := two()
	lost, err := Accept(t.Context(), p, "ahead_of_source", true)
	if err != nil || len(*wrote) > 0 {
		t.Fatalf("%v, it wrote %q", err, *wrote)
	}
	for _, name := range []string{"a", "b"} {
		if !strings.Contains(strings.Join(lost, "\n"), name+": it continues from 0/64") {
			t.Errorf("sink %s is not named: %q", name, lost)
		}
	}
	if _, err = Accept(t.Context(), p, "ahead_of_source", false); err != nil {
		t.Fatal(err)
	}
	if want := []string{"b ahead_of_source", "a goes on", "b goes on"}; !slices.Equal(*wrote, want) {
		t.Errorf("it wrote %q, want %q", *wrote, want)
	}
	for _, l := range []*ledger{a, b} {
		if l.record.Position.LSN != 100 || !l.record.Commit.IsZero() || l.record.Verdict != nil {
			t.Errorf("the record of %s is %+v", l.block, l.record)
		}
	}
	if _, err = Accept(t.Context(), p, "ahead_of_source", false); err == nil {
		t.Error("it is accepted twice")
	}
}

// Nothing is accepted while the record of one sink cannot be read, wherever that sink is in the file.
func TestAcceptNeedsEveryRecord(t *testing.T) {
	for i := range 2 {
		p, a, b, wrote := two()
		b.down = errTarget
		if i == 1 {
			slices.Reverse(p.Sinks)
		}
		if lost, err := Accept(t.Context(), p, "ahead_of_source", false); !errors.Is(err, errTarget) || lost != nil {
			t.Errorf("%q, %v", lost, err)
		}
		if a.record.Verdict == nil || len(*wrote) > 0 {
			t.Errorf("it wrote %q", *wrote)
		}
	}
}

// Wherever an acceptance fails, what it has not accepted is in the sinks' own records.
func TestAcceptThatEnds(t *testing.T) {
	for name, c := range map[string]struct {
		a, b int // records that the sinks take
		want []string
	}{
		"at the verdict of b":    {-1, 0, nil},
		"at the acceptance of a": {0, -1, []string{"b ahead_of_source"}},
		"at the acceptance of b": {-1, 1, []string{"b ahead_of_source", "a goes on"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, a, b, wrote := two()
			a.takes, b.takes = c.a, c.b
			if _, err := Accept(t.Context(), p, "ahead_of_source", false); !errors.Is(err, errTarget) {
				t.Fatal(err)
			}
			if !slices.Equal(*wrote, c.want) {
				t.Errorf("it wrote %q, want %q", *wrote, c.want)
			}
			a.takes, b.takes = -1, -1
			lost, err := Accept(t.Context(), p, "ahead_of_source", false)
			if err != nil || !strings.Contains(fmt.Sprint(lost), "b: it continues") {
				t.Fatalf("%q, %v", lost, err)
			}
			if a.record.Position.LSN != 100 || b.record.Position.LSN != 100 {
				t.Errorf("a is at %s, b is at %s", a.record.Position, b.record.Position)
			}
		})
	}
}
