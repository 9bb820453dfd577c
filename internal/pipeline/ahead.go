package pipeline

import (
	"context"

	"github.com/tailrace/tailrace/capture"
)

// ahead is that a sink was seen to hold more than its source has.
type ahead struct {
	origin  capture.Origin // the source's
	problem *capture.Problem
}

// judgeOrigin is the rule's judgeOrigin for the open sink, with a memory. A source that was restored to an older state and
// written to again comes up with the sink and overtakes it; what it wrote in between would be taken for held and skipped.
// So once is enough, as long as the source stays on this history. Only a server that recovers may come up honestly: it
// replays the very WAL that the sink has. docs/decisions/0008 says what that costs.
func (d *delivery) judgeOrigin(ctx context.Context, s capture.Stream, slot capture.Slot) error {
	o := s.Origin()
	if a := d.ahead; a != nil && a.origin.System == o.System && a.origin.Timeline == o.Timeline {
		return a.problem
	}
	err := judgeOrigin(d.name, d.progress, o, slot)
	if p := capture.AsProblem(err); p == nil || p.State != "ahead_of_source" {
		return err
	}
	slot, again := s.Slot(ctx) // it is not forgotten: so look twice
	if again != nil {
		return err
	}
	if err = judgeOrigin(d.name, d.progress, o, slot); err != nil && !slot.Recovering {
		d.ahead = &ahead{o, capture.AsProblem(err)}
	}
	return err
}
