package preview

import (
	"errors"
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// Stop is why a sink goes no further.
type Stop struct {
	Halted   string // the named state; "": an event was rejected
	Rejected string // the reason; "": the pipeline or the sink has halted
	Err      error
	Fix      string // of the named state
}

// Apply sends complete transactions through the sink and returns the events that it would write, up to the first one that stops it.
// stop is nil when nothing does. The changes stay as they are.
func (s *Sink) Apply(changes []capture.Change) (events []Event, stop *Stop) {
	own := clone(changes)
	for i := range own {
		made, err := s.change(&own[i])
		if err == nil {
			events, err = s.encodeAll(events, made)
		}
		if err == nil && (i+1 == len(own) || own[i+1].Tx.LSN != own[i].Tx.LSN) {
			events, err = s.commit(events, own[i].Tx)
		}
		if err != nil {
			return events, stopOf(err)
		}
	}
	return events, nil
}

// Masked returns a change as the masks of the pipeline leave it.
func (s *Sink) Masked(c capture.Change) (capture.Change, error) {
	own := clone([]capture.Change{c})
	err := s.mask(&own[0])
	return own[0], err
}

func (s *Sink) mask(c *capture.Change) error {
	for _, mask := range s.chain.Masks {
		if err := mask(c); err != nil {
			return maskError(err)
		}
	}
	return nil
}

// change sends one change through the masks and the chain.
func (s *Sink) change(c *capture.Change) ([]transform.Event, error) {
	if err := s.mask(c); err != nil {
		return nil, err
	}
	if c.Op == capture.Message && !s.chain.Messages {
		return nil, nil
	}
	return s.chain.Chain.Apply(nil, transform.Event{Change: c})
}

// maskError is the error of a change that cannot be masked, as a pipeline reports it.
func maskError(err error) error {
	if capture.AsProblem(err) != nil {
		return err
	}
	return &capture.Problem{State: "mask_failed", Halted: true, Reason: "the change cannot be masked", Err: err}
}

// commit ends a transaction.
func (s *Sink) commit(events []Event, tx *capture.Tx) ([]Event, error) {
	made, bad := s.chain.Chain.Commit(nil, tx)
	events, err := s.encodeAll(events, made)
	if err == nil {
		err = bad
	}
	return events, err
}

func (s *Sink) encodeAll(events []Event, made []transform.Event) ([]Event, error) {
	for i := range made {
		e, err := s.encode(&made[i])
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
	return events, nil
}

// stopOf classifies an error as the runner of a sink does.
func stopOf(err error) *Stop {
	if p := capture.AsProblem(err); p != nil {
		return &Stop{Halted: p.State, Err: err, Fix: p.Fix}
	}
	var rejected *sink.Rejected
	if errors.As(err, &rejected) {
		return &Stop{Rejected: rejected.Reason, Err: rejected.Err}
	}
	if why := transform.AsRejection(err); why != nil {
		return &Stop{Rejected: why.Reason, Err: err}
	}
	return &Stop{Rejected: "transform", Err: err}
}

// clone copies changes as far as a mask writes into them.
func clone(changes []capture.Change) []capture.Change {
	own := slices.Clone(changes)
	for i := range own {
		own[i].Before, own[i].After = slices.Clone(own[i].Before), slices.Clone(own[i].After)
	}
	return own
}
