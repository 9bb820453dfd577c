package pipeline

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// The start rule, after design and model check: the slot is started first, then the sinks are opened, then the slot is
// read once more, and only when every sink has passed both judgements is anything confirmed.

// judgeOrigin refuses progress that was made on another cluster or on a branch of history that the source is not on.
func judgeOrigin(name string, held sink.Progress, o capture.Origin, slot capture.Slot) error {
	switch held.Memory {
	case sink.Lost:
		return &capture.Problem{
			State: "progress_lost", Halted: true, Usage: true,
			Reason: fmt.Sprintf("sink %s had a progress record for certain and has none now", name),
			Fix:    "restore the record, or take the pipeline away with `tailrace drop` and start it anew",
		}
	case sink.Empty, sink.Forgetful:
		return nil
	}
	was := held.Origin
	if was.System != o.System {
		return &capture.Problem{
			State: "wrong_cluster", Halted: true, Usage: true,
			Reason: fmt.Sprintf("sink %s holds the progress of cluster %d, the source is cluster %d", name, was.System, o.System),
			Fix:    "set the source's url to the cluster of before; to start on this one, `tailrace drop -pipeline P` first",
		}
	}
	if end, on := branch(was.Timeline, o); !on || held.Position.LSN > end && held.Position.LSN > 0 {
		return &capture.Problem{
			State: "timeline_diverged", Halted: true, Usage: true,
			Reason: fmt.Sprintf("sink %s holds %s of timeline %d, which the source (timeline %d) left before: the promotion lost "+
				"commits that the sink has", name, held.Position, was.Timeline, o.Timeline),
			Fix: "rebuild the sink: `tailrace drop -pipeline P`, remove what it holds, start again",
		}
	}
	if end := slot.End; was.Timeline == o.Timeline && held.Position.LSN > end {
		return &capture.Problem{
			State: "ahead_of_source", Halted: true, Usage: true,
			Reason: fmt.Sprintf("sink %s holds %s, the source's WAL ends at %s: the source was restored to an older state", name,
				held.Position, end),
			Fix: "rebuild the sink: `tailrace drop -pipeline P`, remove what it holds, start again;\n" +
				"do not start again as it is: a source that has come up with the sink cannot be told from the former one.\n" +
				"When url points to an old copy by mistake: correct it, and start again",
		}
	}
	return nil
}

// branch says up to where the source's history has the timeline, and whether it has it at all.
func branch(timeline uint32, o capture.Origin) (end capture.LSN, on bool) {
	if timeline == o.Timeline {
		return ^capture.LSN(0), true
	}
	for _, t := range o.History {
		if t.ID == timeline {
			return t.End, true
		}
	}
	return 0, false
}

// judgeGap refuses a sink that stands before what the slot has confirmed: a stream can no longer begin there.
func judgeGap(name string, held capture.Position, slot capture.Slot) error {
	if held.Flush() >= slot.Confirmed {
		return nil
	}
	return &capture.Problem{
		State: "gap", Halted: true, Usage: true,
		Reason: fmt.Sprintf("sink %s holds everything up to %s, the slot begins at %s: what lies between is gone", name, held,
			slot.Confirmed),
		Fix: strings.Join([]string{
			"the slot was advanced by somebody else, or the sink was put back to an older state.",
			"Copy the rows again: `tailrace drop -pipeline P` and start anew",
		}, "\n"),
	}
}
