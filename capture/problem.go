package capture

import (
	"errors"
	"fmt"
)

// Problem is trouble that has a name: a named state. The same words stand in the log, in /readyz, in the API, in
// `tailrace status` and in the metrics.
type Problem struct {
	State  string // snake_case, fixed: it is a label of a metric
	Halted bool   // only a person helps; else it is retried
	Usage  bool   // the user has to change something: exit code 2 for a live check
	Reason string // what is the case, in a sentence, without secrets
	Fix    string // the command or the SQL that helps; may have lines. See FixArgs
	Err    error  // what was seen, or nil
}

// Error is the state, the reason and what was seen.
func (p *Problem) Error() string {
	s := p.State + ": " + p.Reason
	if p.Err != nil {
		s = fmt.Sprintf("%s: %v", s, p.Err)
	}
	return s
}

// Unwrap is what was seen.
func (p *Problem) Unwrap() error { return p.Err }

// Warning is what a live check has to say of something that works all the same: nothing is refused for it. It is no state.
type Warning struct {
	Reason string // what is the case, in a sentence, without secrets
	Fix    string // the command that helps; may have lines
}

// Error is the reason.
func (w *Warning) Error() string { return w.Reason }

// Panicked is the problem of a panic that was caught: value is what recover returned, where says what was being done. Who
// catches it writes the stack to the log.
func Panicked(where string, value any) *Problem {
	return &Problem{
		State: "panic", Halted: true,
		Reason: fmt.Sprintf("%s: %v", where, value),
		Fix:    "this is a bug: please report it with the stack in the log; what halted is tried again every 10 s",
	}
}

// AsProblem finds the Problem in err; nil when there is none.
func AsProblem(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}
