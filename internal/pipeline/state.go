package pipeline

import (
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// The kinds of a named state.
const (
	OK       = "ok"
	Warning  = "warning" // it works, and the user should change something
	Retrying = "retrying"
	Halted   = "halted"
)

// The roles of a daemon in a pipeline.
const (
	Starting = "starting" // no stream yet
	Active   = "active"   // the slot is ours
	Standby  = "standby"  // another daemon has the slot; we take over when it ends
)

// State is a named state with one wording for the log, /readyz, the API, `tailrace status` and the metrics.
type State struct {
	Name   string    `json:"name"` // "streaming", "snapshot", "starting", "standby", or that of a problem: snake_case
	Kind   string    `json:"kind"` // OK, Warning, Retrying or Halted
	Reason string    `json:"reason,omitempty"`
	Fix    string    `json:"fix,omitempty"`
	Since  time.Time `json:"since"`
}

// opening is the state between two streams, and until every sink has passed the start rule.
func opening() State { return State{Name: "opening", Kind: OK} }

// StateHolder holds the named state of a pipeline or of a sink. Its owner's mutex guards it.
type StateHolder struct{ state State }

// Change is the difference between a state and the previous one.
type Change int

// The differences between two states.
const (
	Same      Change = iota
	NewReason        // with the same name
	NewName
)

// Enter moves to a state and returns the difference. Since is set to the current time when the name changes; else it stays.
func (h *StateHolder) Enter(to State) Change {
	was := h.state
	to.Since = was.Since
	if was.Name != to.Name {
		to.Since = time.Now().UTC()
	}
	h.state = to
	switch {
	case was.Name != to.Name:
		return NewName
	case was.Reason != to.Reason:
		return NewReason
	}
	return Same
}

// Now returns the current state.
func (h *StateHolder) Now() State { return h.state }

// stateOf returns the named state of an error; other is the name for an error that has none.
func stateOf(err error, other string) State {
	if p := capture.AsProblem(err); p != nil {
		kind := Retrying
		if p.Halted {
			kind = Halted
		}
		reason := p.Reason
		if p.Err != nil {
			reason += ": " + p.Err.Error()
		}
		return State{Name: p.State, Kind: kind, Reason: reason, Fix: p.Fix}
	}
	var rej *sink.Rejected
	if errors.As(err, &rej) {
		return State{
			Name: "rejected", Kind: Halted, Reason: rej.Error(),
			Fix: "make the target accept it, or set dead_letter on the sink; it is retried every 10 s",
		}
	}
	if errors.Is(err, sink.ErrFenced) {
		return State{Name: "fenced", Kind: Retrying, Reason: err.Error()}
	}
	return State{Name: other, Kind: Retrying, Reason: err.Error()}
}

func logState(log *zap.Logger, s State) {
	fields := []zap.Field{zap.String("state", s.Name)}
	if s.Reason != "" {
		fields = append(fields, zap.String("reason", s.Reason))
	}
	if s.Fix != "" {
		fields = append(fields, zap.String("fix", s.Fix))
	}
	switch s.Kind {
	case Halted:
		log.Error("halted", fields...)
	case Retrying:
		log.Warn("retrying", fields...)
	default:
		log.Info(s.Name, fields...)
	}
}
