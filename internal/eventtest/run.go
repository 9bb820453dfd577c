package eventtest

import (
	"fmt"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest/preview"
)

// Result is what has come of a case.
type Result struct {
	File  *File
	Case  *Case
	Sinks []SinkResult
}

// SinkResult is what a sink has got.
type SinkResult struct {
	Sink     string
	Expected *Expectation // nil: the case expects nothing of any sink
	Events   []preview.Event
	Stop     *preview.Stop // nil: nothing has stopped it
	Failures []Failure

	preview *preview.Sink
}

// Failed reports whether a sink has not got what the case expects.
func (r *Result) Failed() bool {
	for i := range r.Sinks {
		if len(r.Sinks[i].Failures) > 0 {
			return true
		}
	}
	return false
}

// Run sends the changes of a case through the sinks of its pipeline. The error is that of a pipeline that cannot be built. Check has
// found no problem.
func (f *File) Run(c *Case, files *config.File) (*Result, error) {
	r := &Result{File: f, Case: c}
	p, _ := f.pipeline(files, c)
	if len(c.Expected) == 0 {
		for _, block := range p.Sinks {
			s, err := f.runSink(c, p, block)
			if err != nil {
				return nil, err
			}
			s.Failures = []Failure{{
				Place: c.Place, What: fmt.Sprintf("sink %q: the case has no expect block; tailrace test -update writes it", block.Name),
				Got: s.shown(),
			}}
			r.Sinks = append(r.Sinks, s)
		}
		return r, nil
	}
	for i := range c.Expected {
		block, _ := sinkOf(p, c.Expected[i].Sink)
		s, err := f.runSink(c, p, block)
		if err != nil {
			return nil, err
		}
		s.Expected = &c.Expected[i]
		s.compare()
		r.Sinks = append(r.Sinks, s)
	}
	return r, nil
}

func (f *File) runSink(c *Case, p config.Pipeline, block config.Block) (SinkResult, error) {
	s := SinkResult{Sink: block.Name}
	var err error
	if s.preview, err = preview.New(p, block, f.Tables); err != nil {
		return s, fmt.Errorf("pipeline %s: %w", p.Name, err)
	}
	s.Events, s.Stop = s.preview.Apply(c.Changes)
	return s, nil
}
