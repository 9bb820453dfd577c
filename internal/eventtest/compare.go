package eventtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Failure is a difference between what a case expects of a sink and what the sink has got.
type Failure struct {
	Place hcl.Range
	What  string
	Want  []string // lines of JSON; nil: nothing was expected
	Got   []string // lines of JSON; nil: nothing came
}

// Difference returns the lines of both, aligned and marked: "- " is expected, "+ " has come.
func (f *Failure) Difference() []string { return difference(f.Want, f.Got) }

// compare finds the differences.
func (s *SinkResult) compare() {
	want, got := s.Expected.Events, s.Events
	for _, p := range s.pairs() {
		switch {
		case p.want < 0:
			s.fail(Failure{
				Place: s.Expected.Place, What: fmt.Sprintf("event %d was not expected", p.got+1),
				Got: show(got[p.got].Type, s.written(&got[p.got])),
			})
		case p.got < 0:
			s.fail(Failure{
				Place: want[p.want].Place, What: fmt.Sprintf("expected event %d did not come", p.want+1),
				Want: show(want[p.want].Type, want[p.want].attributes(nil)),
			})
		default:
			w, g := &want[p.want], &got[p.got]
			if !w.matches(g) {
				s.fail(Failure{
					Place: w.Place, What: fmt.Sprintf("event %d differs", p.got+1),
					Want: show(w.Type, w.attributes(g)), Got: show(g.Type, w.attributesOf(g)),
				})
			}
		}
	}
	s.compareStop()
}

func (s *SinkResult) fail(f Failure) {
	f.What = fmt.Sprintf("sink %q: %s", s.Sink, f.What)
	s.Failures = append(s.Failures, f)
}

// pairs aligns the expected events with those that came. Events between two that match are paired in their order.
func (s *SinkResult) pairs() (all []pair) {
	want, got := s.Expected.Events, s.Events
	var missing, extra []int
	flush := func() {
		n := min(len(missing), len(extra))
		for i := range n {
			all = append(all, pair{missing[i], extra[i]})
		}
		for _, i := range missing[n:] {
			all = append(all, pair{i, -1})
		}
		for _, i := range extra[n:] {
			all = append(all, pair{-1, i})
		}
		missing, extra = nil, nil
	}
	for _, p := range alignment(len(want), len(got), func(i, j int) bool { return want[i].matches(&got[j]) }) {
		switch {
		case p.want < 0:
			extra = append(extra, p.got)
		case p.got < 0:
			missing = append(missing, p.want)
		default:
			flush()
			all = append(all, p)
		}
	}
	flush()
	return all
}

// compareStop compares what stops the sink.
func (s *SinkResult) compareStop() {
	want := stopped(s.Expected.Rejected, s.Expected.Halted)
	if s.Stop == nil {
		if want != nil {
			s.fail(Failure{Place: s.Expected.Place, What: "nothing stopped it", Want: want})
		}
		return
	}
	got := stopped(s.Stop.Rejected, s.Stop.Halted)
	if slices.Equal(want, got) {
		return
	}
	what := fmt.Sprintf("it stops after event %d: %v", len(s.Events), s.Stop.Err)
	if s.Stop.Fix != "" {
		what += "\nfix: " + s.Stop.Fix
	}
	s.fail(Failure{Place: s.Expected.Place, What: what, Want: want, Got: got})
}

// stopped returns the lines of a stop; nil for none.
func stopped(rejected, halted string) []string {
	switch {
	case rejected != "":
		return lines(map[string]any{"rejected": rejected})
	case halted != "":
		return lines(map[string]any{"halted": halted})
	}
	return nil
}

// shown returns the lines of a list of all events that came.
func (s *SinkResult) shown() []string {
	if len(s.Events) == 0 {
		return []string{"[]"}
	}
	all := []string{"["}
	for i := range s.Events {
		event := show(s.Events[i].Type, s.written(&s.Events[i]))
		if i+1 < len(s.Events) {
			event[len(event)-1] += ","
		}
		for _, l := range event {
			all = append(all, "  "+l)
		}
	}
	return append(all, "]")
}

// show returns the lines of an event.
func show(typ string, attributes []attribute) []string {
	out := []string{"{"}
	for _, a := range append([]attribute{{"type", typ}}, attributes...) {
		text := lines(a.value)
		text[0] = fmt.Sprintf("%q: %s", a.name, text[0])
		text[len(text)-1] += ","
		for _, l := range text {
			out = append(out, "  "+l)
		}
	}
	out[len(out)-1] = strings.TrimSuffix(out[len(out)-1], ",")
	return append(out, "}")
}
