package startrule

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// Acceptance is how a sink continues whose state the operator accepts.
type Acceptance struct {
	Record *sink.Progress // the record to continue with; nil: the record is removed, and the pipeline begins from scratch
	Lost   []string       // what the sink will never get, or keeps although the source does not have it; sentences
}

// Accept returns how a sink continues when the operator accepts the problem of a decision. It resolves that problem only: the next
// check finds whatever else is wrong.
func Accept(src Source, k Sink, p *capture.Problem) (Acceptance, error) {
	rec := k.Progress
	rec.Record, rec.Verdict, rec.State = sink.RecordFound, removeVerdict(rec.Verdict, p.State), k.Comparison.State
	publication := rec.Origin.Publication
	switch p.State {
	case PublicationAltered:
		rec.Origin.Publication = src.Origin.Publication
		return Acceptance{&rec, []string{
			fmt.Sprintf("%s: %s", k.Name, p.Reason),
			fmt.Sprintf("%s: it continues from %s, and never gets what was written to these tables while they were not published",
				k.Name, rec.Position),
		}}, nil
	case WrongSlot:
		rec.Origin.Slot = src.Origin.Slot
		return Acceptance{&rec, []string{fmt.Sprintf("%s: it continues from %s. A pipeline that still reads slot %s halts from now on",
			k.Name, rec.Position, k.Progress.Origin.Slot)}}, nil
	case WrongCluster, WrongDatabase:
		publication = src.Origin.Publication
		if src.Slot.New {
			return Acceptance{nil, []string{fmt.Sprintf("%s: the record of %s is removed. The pipeline begins with a snapshot",
				k.Name, owner(&k.Progress.Origin))}}, nil
		}
	case ProgressExpired:
		return Acceptance{nil, []string{fmt.Sprintf("%s: when the pipeline ran before, it never gets what was committed since then and before "+
			"the new slot %s. The pipeline begins as for the first time", k.Name, src.Origin.Slot)}}, nil
	case ProgressLost, NoRecord:
		publication = src.Origin.Publication
	case TimelineDiverged, AheadOfSource, Gap:
	default:
		return Acceptance{}, fmt.Errorf("%s cannot be accepted", p.State)
	}
	if src.Slot.New {
		return Acceptance{}, &capture.Problem{
			State: "not_acceptable", Usage: true, Reason: fmt.Sprintf("sink %s cannot continue: the slot %s is missing", k.Name, src.Origin.Slot),
			Fix: "begin from scratch: `tailrace drop -pipeline P FILE`, then start again",
		}
	}
	rec.Position, rec.Commit = capture.Position{LSN: src.Slot.Confirmed}, capture.Commit{}
	if end, on := src.Origin.Branch(k.Progress.Origin.Timeline); p.State == TimelineDiverged && on {
		rec.Position.LSN = max(min(k.Progress.Position.LSN, end), src.Slot.Confirmed)
	}
	rec.Origin = src.Origin
	rec.Origin.Publication = publication
	return Acceptance{&rec, lost(&src, &k, p, rec.Position)}, nil
}

// removeVerdict returns a list of verdicts without that of a state.
func removeVerdict(v *sink.Verdict, state string) (left *sink.Verdict) {
	for ; v != nil; v = v.Next {
		if v.State != state {
			left = appendVerdict(left, *v)
		}
	}
	return left
}

// lost returns what accepting a problem means for a sink that then continues from a position.
func lost(src *Source, k *Sink, p *capture.Problem, from capture.Position) []string {
	on := fmt.Sprintf("%s: it continues from %s; it gets what the source has after that, some of it for the second time", k.Name, from)
	switch p.State {
	case Gap:
		return []string{fmt.Sprintf("%s: it never gets the changes after %s and before %s, where the slot begins", k.Name,
			k.Progress.Position, src.Slot.Confirmed), on}
	case ProgressLost:
		return []string{fmt.Sprintf("%s: what it has is not known. Changes before %s that it had not got are lost", k.Name,
			src.Slot.Confirmed), on}
	case NoRecord:
		return []string{fmt.Sprintf("%s: it never gets what was committed before %s, where the slot begins, nor the rows that were there",
			k.Name, src.Slot.Confirmed), on}
	case WrongCluster, WrongDatabase:
		return []string{
			fmt.Sprintf("%s: the record of %s, at %s, is taken over. A pipeline that still writes it halts from now on",
				k.Name, owner(&k.Progress.Origin), k.Progress.Position),
			fmt.Sprintf("%s: it never gets what database %s had before %s, where the slot begins", k.Name, src.Origin.Database,
				src.Slot.Confirmed), on,
		}
	}
	return []string{
		fmt.Sprintf("%s: %s", k.Name, p.Reason),
		fmt.Sprintf("%s: it keeps what it has of commits that the source does not have", k.Name), on,
	}
}

// owner describes to whom a record with an origin belongs.
func owner(o *capture.Origin) string {
	if o.Database.OID == 0 {
		return fmt.Sprintf("cluster %d", o.System)
	}
	return fmt.Sprintf("cluster %d, database %s, slot %s", o.System, o.Database, o.Slot)
}
