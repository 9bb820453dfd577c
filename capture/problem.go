package capture

import (
	"errors"
	"fmt"
)

// Problem is an error with a name: a named state. It has the same words in the log, in /readyz, in the API, in `tailrace status`
// and in the metrics.
type Problem struct {
	State  string // snake_case, fixed: it is a label of a metric
	Halted bool   // it needs an operator; otherwise it is retried
	Usage  bool   // the user has to change something: exit code 2 for a live check
	Reason string // what is wrong, in a sentence, without secrets
	Fix    string // the command or the SQL that solves it; may have several lines. See FixArgs
	Err    error  // the cause, or nil
}

// Error returns the state, the reason and the cause.
func (p *Problem) Error() string {
	s := p.State + ": " + p.Reason
	if p.Err != nil {
		s = fmt.Sprintf("%s: %v", s, p.Err)
	}
	return s
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Warning is the result of a live check for something that works and should be changed. Nothing is refused because of it, and it
// is not a state.
type Warning struct {
	Reason string // what should be changed, in a sentence, without secrets
	Fix    string // the command that changes it; may have several lines
}

// Error returns the reason.
func (w *Warning) Error() string { return w.Reason }

// Panicked returns the problem of a panic: value is what recover returned, where describes what panicked. The caller logs
// the stack.
func Panicked(where string, value any) *Problem {
	return &Problem{
		State: "panic", Halted: true,
		Reason: fmt.Sprintf("%s: %v", where, value),
		Fix:    "this is a bug: please report it with the stack in the log; what halted is retried every 10 s",
	}
}

// AsProblem returns the Problem in err; nil when there is none.
func AsProblem(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}
