package problem

import (
	"time"

	"github.com/tailrace/tailrace/capture"
)

// Warnings are the present warnings of a check: one per state, the most urgent first. nil: there are none.
type Warnings []capture.ActiveWarning

// Next returns the warnings after another check, and reports whether one has begun, ended or changed. A warning whose state was present
// before keeps its time. Problems of the same state become one.
func (w Warnings) Next(problems []error, now time.Time) (next Warnings, changed bool) {
	for _, p := range byState(problems) {
		is := capture.ActiveWarning{Problem: p, Since: now}
		if was := w.of(p.State); was != nil {
			is.Since = was.Since
			changed = changed || was.Reason != p.Reason
		} else {
			changed = true
		}
		next = append(next, is)
	}
	return next, changed || len(next) != len(w)
}

// of returns the warning with a state, or nil.
func (w Warnings) of(state string) *capture.ActiveWarning {
	for i := range w {
		if w[i].State == state {
			return &w[i]
		}
	}
	return nil
}

// byState combines the problems of each state, in the order of their first ones. Other errors are left out.
func byState(errs []error) (all []*capture.Problem) {
	var states []string
	groups := map[string][]error{}
	for _, err := range errs {
		p := capture.AsProblem(err)
		if p == nil {
			continue
		}
		if groups[p.State] == nil {
			states = append(states, p.State)
		}
		groups[p.State] = append(groups[p.State], err)
	}
	for _, state := range states {
		all = append(all, capture.AsProblem(Together(groups[state])))
	}
	return all
}
