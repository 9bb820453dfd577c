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
	Warning  = "warning" // it works, and something has to be changed
	Retrying = "retrying"
	Halted   = "halted"
)

// The roles of a daemon in a pipeline.
const (
	Starting = "starting" // no stream yet
	Active   = "active"   // the slot is ours
	Standby  = "standby"  // another daemon holds it; we take over when it lets go
)

// State is a named state with one wording for the log, /readyz, the API, `tailrace status` and the metrics.
type State struct {
	Name   string    `json:"name"` // "streaming", "snapshot", "starting", "standby", or a trouble's own: snake_case
	Kind   string    `json:"kind"` // OK, Warning, Retrying or Halted
	Reason string    `json:"reason,omitempty"`
	Fix    string    `json:"fix,omitempty"`
	Since  time.Time `json:"since"`
}

// opening is the state between two streams, and of a stream until every sink has passed its start rule.
func opening() State { return State{Name: "opening", Kind: OK} }

// StateHolder holds the named state of a pipeline or of a sink. Its owner's mutex guards it.
type StateHolder struct{ state State }

// Change is what became different when a state was entered.
type Change int

// The changes of a state.
const (
	Same      Change = iota
	NewReason        // the name is the same, so the state lasts on
	NewName
)

// Enter moves to a state. Its Since is now, or, while the name stays the same, that of the previous one.
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

// Now is the current state.
func (h *StateHolder) Now() State { return h.state }

// stateOf gives an error its name; other is the name of one that has none of its own.
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
	var r *sink.Rejected
	if errors.As(err, &r) {
		return State{
			Name: "rejected", Kind: Halted, Reason: r.Error(),
			Fix: "make the target take it, or set dead_letter on the sink; it is tried again every 10 s",
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
