package startrule

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// finding is a problem that the evidence shows.
type finding struct {
	*capture.Problem
	passing bool // it may disappear by itself, so it must not become a verdict
	// confirmed is what a verdict tells the lane's other sinks; see sink.Verdict.
	confirmed capture.LSN
}

// evidence compares a record of this lane with what the source reports now. It returns what is missing, or from where the sink
// continues.
func evidence(src *Source, k *Sink) (from capture.Position, found []finding) {
	rec := k.Progress
	absent := checkHistory(src, k)
	if absent != nil {
		found = append(found, *absent)
	}
	if src.Slot.New {
		return rec.Position, found
	}
	if len(k.Comparison.Altered) > 0 {
		found = append(found, finding{Problem: publicationAltered(k)})
	}
	if end, on := src.Origin.Branch(rec.Origin.Timeline); on && rec.Position.LSN > end {
		rec.Position = capture.Position{LSN: end} // after it there was only idle WAL
	}
	if absent == nil && rec.Position.Flush() < src.Slot.Confirmed {
		found = append(found, finding{Problem: gap(src, k, rec.Position)})
	}
	return startPosition(src, &rec), found
}

// checkHistory returns why a record's last commit or its position is not in the source's history; nil when it may be.
func checkHistory(src *Source, k *Sink) *finding {
	rec, slot := &k.Progress, &src.Slot
	switch {
	case diverged(src, rec):
		return &finding{Problem: timelineDiverged(src, k)}
	case k.Comparison.Commit == capture.CommitAbsent && !slot.Recovering:
		return &finding{Problem: commitAbsent(k), confirmed: src.confirmed()}
	case k.Comparison.Commit == capture.CommitPresent:
		return nil
	case rec.Origin.Timeline == src.Origin.Timeline && rec.Position.LSN > slot.End: // a standby replays the very WAL that the sink has
		return &finding{aheadOfSource(src, k), slot.Recovering, src.confirmed()}
	}
	if common, restored := restoredTo(src, k.Others); restored && durableCommit(rec).LSN > common {
		return &finding{commitUnproven(k), slot.Recovering, common}
	}
	return nil
}

// restoredTo reports whether verdicts on the lane's other sinks prove that the source was restored, and up to where the source and
// the lane's sinks still agree: the smaller of what the slot had confirmed at the verdict and has confirmed now. Sinks that have
// passed with a stream write what is of its history, so while that stream runs the verdicts prove nothing.
func restoredTo(src *Source, others []*sink.Verdict) (common capture.LSN, restored bool) {
	if src.Running || src.Slot.New {
		return 0, false
	}
	common = src.Slot.Confirmed
	for _, list := range others {
		if v := list.Find(AheadOfSource); v != nil {
			restored = true
			if v.Confirmed > 0 {
				common = min(common, v.Confirmed)
			}
		}
	}
	return common, restored
}

// diverged reports whether the source's history has left the record's timeline before the last commit that the sink has.
func diverged(src *Source, rec *sink.Progress) bool {
	end, on := src.Origin.Branch(rec.Origin.Timeline)
	c := durableCommit(rec)
	return !on || !c.IsZero() && c.LSN > end
}

// startPosition is from where a sink continues: after the last commit that it has, or where the slot begins. Up to its position
// there was no other commit for it when the position was recorded; but after a restore of the source, or the promotion of another
// server, there may be some.
func startPosition(src *Source, rec *sink.Progress) capture.Position {
	if src.Running || rec.Position.Seq > 0 {
		return rec.Position
	}
	from := capture.Position{LSN: src.Slot.Confirmed}
	if c := durableCommit(rec); !c.IsZero() {
		from.LSN = max(from.LSN, c.LSN)
	}
	if rec.Position.Before(from) {
		return rec.Position // inside a snapshot
	}
	return from
}
