// Package startrule decides whether the sinks of a lane may continue with a stream. It is a pure function: it contacts no server,
// reads no clock and keeps no state, so the daemon, `tailrace accept` and the model in this package's tests decide alike.
//
// A decision that changes are missing is a verdict. The daemon writes it to the sink's record before it writes anything else
// there, and every later decision keeps the verdict until the operator accepts it or the evidence
// proves that nothing is missing. docs/decisions/0016 has the reasons, 0017 what a record names.
package startrule

import (
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// Source is what the source's server reports at one point in time.
type Source struct {
	Origin capture.Origin
	Slot   capture.Slot
	// Running reports whether the sinks have passed the start rule with this stream: what they have now is of its history.
	Running bool
}

// confirmed is how far the lane's slot is confirmed; zero: the lane makes its slot.
func (s *Source) confirmed() capture.LSN {
	if s.Slot.New {
		return 0
	}
	return s.Slot.Confirmed
}

// Sink is what is known of one sink.
type Sink struct {
	Name     string
	Progress sink.Progress // as Open or Read returned it; State and AcksLate do not matter
	// Comparison is what the source's server knows of the record.
	Comparison capture.Comparison
	// Remembered is a verdict that only this process knows: of a sink that keeps no record, or not written yet.
	Remembered  *sink.Verdict
	SeenDurable bool // the sink has reported a durable position to this process
	Begin       Begin
	// Beside says that another sink of the lane keeps a record: it knows more than a sink that keeps none.
	OthersKeepRecord bool
	// Others are the verdicts that stand for the lane's other sinks, as far as they are known: Decision.Verdict of each. The lane
	// must not run before every sink was checked with all of them.
	Others []*sink.Verdict
}

// Begin says how a sink begins that has no record next to an older slot.
type Begin uint8

// The ways in which a sink can begin.
const (
	Ask       Begin = iota // the lane halts: the operator decides
	FromNow                // where the slot begins
	CopyIfNew              // with a copy of all rows, into a target that was not used before
	CopyRows               // with a copy of all rows
)

// Decision is the result of a check of one sink.
type Decision struct {
	// Problem is why the lane must not run; nil: the sink continues.
	Problem *capture.Problem
	// Verdict is what has to be remembered, the problem first; nil: the problem is seen again as long as it lasts. Since is
	// zero in a new one.
	Verdict *sink.Verdict
	// From is up to where the sink has this stream; zero: the sink begins where the stream begins. It does not count with a
	// Problem.
	From capture.Position
	// Copy reports whether the sink gets a copy of all rows first, from its beginning, and is checked again afterwards. Until then
	// the slot must not be confirmed beyond that copy's point.
	Copy bool
	// Record is to be written before anything else; nil: the sink's record stays.
	Record *sink.Progress
	// Why is the reason why Record is written although there is no problem; "": the sink continues from its last commit, as usual.
	Why string
}

// CheckGap decides whether a sink may continue with the source's stream, or whether changes are missing in between. The lane may
// run when no sink's decision has a Problem.
func CheckGap(src Source, k Sink) Decision { return checkGap(&src, &k) }

// CheckGaps checks all sinks of a lane, each with the verdicts on the others as well. It sets Others.
func CheckGaps(src Source, sinks []*Sink) []Decision {
	alone := make([]Decision, len(sinks))
	for i, k := range sinks {
		k.Others = nil
		alone[i] = checkGap(&src, k)
	}
	all := make([]Decision, len(sinks))
	for i, k := range sinks {
		for j := range alone {
			if j != i {
				k.Others = append(k.Others, alone[j].Verdict)
			}
		}
		all[i] = checkGap(&src, k)
	}
	return all
}

// Date gives the new verdicts of a decision the time at which they are found.
func (d *Decision) Date(now time.Time) {
	for v := d.Verdict; v != nil; v = v.Next { // the list is the decision's own, and the record's
		if v.Since.IsZero() {
			v.Since = now
		}
	}
}

func checkGap(src *Source, k *Sink) Decision {
	switch k.Progress.Record {
	case sink.RecordMissing:
		return Decision{Problem: progressLost(k)}
	case sink.RecordNone, sink.RecordExpired:
		if k.SeenDurable {
			return Decision{Problem: progressLost(k)}
		}
		return begin(src, k)
	case sink.RecordUnsupported:
		return checkWithoutRecord(k)
	}
	if p := Foreign(k.Name, k.Progress.Origin, src.Origin); p != nil {
		return Decision{Problem: p} // no verdict: the record is another's, and says so for itself
	}
	verdict := standingVerdicts(src, k)
	if verdict == nil && k.Comparison.Unfinished && !src.Slot.New {
		return begin(src, k)
	}
	from, found := evidence(src, k)
	for _, f := range found {
		if f.passing && verdict == nil {
			return Decision{Problem: f.Problem}
		}
		if !f.passing && verdict.Find(f.State) == nil {
			verdict = appendVerdict(verdict, sink.Verdict{State: f.State, Reason: f.Reason, Confirmed: f.confirmed})
		}
	}
	if verdict == nil {
		return continueFrom(src, k, from)
	}
	return Decision{Problem: ProblemOf(verdict), Verdict: verdict, Record: k.with(verdict)}
}

// appendVerdict returns a list of verdicts with one more at its end. It shares nothing with the given list.
func appendVerdict(v *sink.Verdict, last sink.Verdict) *sink.Verdict {
	if v == nil {
		last.Next = nil
		return &last
	}
	first := *v
	first.Next = appendVerdict(v.Next, last)
	return &first
}

// begin decides how a sink begins that has no record, or only that of an unfinished copy, which counts as none. Where the lane makes
// its slot, the sink begins with it, unless there may have been a record that has expired: then the slot may be lost. A slot that
// is there is older than the sink: what the slot was confirmed for went to other targets, and the sink gets it from no stream.
func begin(src *Source, k *Sink) Decision {
	switch {
	case src.Slot.New && k.Progress.Record == sink.RecordExpired && k.Begin != FromNow:
		return Decision{Problem: progressExpired(src, k)}
	case src.Slot.New:
		return Decision{}
	case k.Begin == CopyIfNew, k.Begin == CopyRows:
		return Decision{Copy: true}
	case k.Begin != FromNow:
		return Decision{Problem: noRecord(src, k)}
	case k.Progress.Record != sink.RecordFound:
		return Decision{} // its first record comes with the stream's first batch
	}
	from := capture.Position{LSN: src.Slot.Confirmed}
	return Decision{
		From: from, Why: "the copy of all rows was given up: the file says that the sink begins where the slot begins",
		Record: &sink.Progress{Record: sink.RecordFound, Position: from, Origin: src.Origin, State: k.Comparison.State},
	}
}

// checkWithoutRecord checks a sink that keeps no record. Changes that it misses are also missing in the lane's other sinks, whose
// records tell more.
func checkWithoutRecord(k *Sink) Decision {
	if k.OthersKeepRecord {
		return Decision{}
	}
	v := k.Remembered
	if v == nil && len(k.Comparison.Altered) > 0 {
		p := publicationAltered(k)
		v = &sink.Verdict{State: p.State, Reason: p.Reason}
	}
	if v == nil {
		return Decision{}
	}
	return Decision{Problem: ProblemOf(v), Verdict: v}
}

// standingVerdicts returns the verdicts of earlier checks, without those that are disproved.
func standingVerdicts(src *Source, k *Sink) (left *sink.Verdict) {
	for _, v := range []*sink.Verdict{k.Progress.Verdict, k.Remembered} {
		for ; v != nil; v = v.Next {
			if left.Find(v.State) == nil && !disproved(v.State, src, k) {
				left = appendVerdict(left, *v)
			}
		}
	}
	return left
}

// disproved reports whether the evidence proves that nothing is missing where a verdict said so. That the verdict would not
// be given today is no proof: most evidence fades.
func disproved(state string, src *Source, k *Sink) bool {
	rec := &k.Progress
	switch state {
	case PublicationAltered: // deleted catalogue rows never come back: the verdict was about another server
		return rec.Origin.Publication != "" && rec.Origin.Publication == src.Origin.Publication && len(k.Comparison.Altered) == 0
	case AheadOfSource:
		return k.Comparison.Commit == capture.CommitPresent
	case TimelineDiverged:
		return !diverged(src, rec) && k.Comparison.Commit != capture.CommitAbsent
	case Gap:
		return !src.Slot.New && rec.Position.Flush() >= src.Slot.Confirmed
	}
	return false
}

// continueFrom lets a sink continue from a position. What the record lacks, or a corrected position, is written first.
func continueFrom(src *Source, k *Sink, from capture.Position) Decision {
	rec := &k.Progress
	d := Decision{From: from}
	switch {
	case src.Slot.New: // the source decides whether it begins with all rows
		return d
	case rec.Verdict != nil:
		d.Why = rec.Verdict.State + " is disproved: the source has what the sink has"
	case isOlderFormat(rec):
		d.Why = "the record is of an older version: from now on it names the database, the slot and the last commit"
	case from == rec.Position && k.Comparison.State == nil:
		return d
	}
	next := sink.Progress{Record: sink.RecordFound, Position: from, Origin: src.Origin, Commit: durableCommit(rec), State: k.Comparison.State}
	d.Record = &next
	return d
}

// with is the record with verdicts; nil when it has those already.
func (k *Sink) with(v *sink.Verdict) *sink.Progress {
	was, now := k.Progress.Verdict, v
	for was != nil && now != nil && was.State == now.State {
		was, now = was.Next, now.Next
	}
	if was == nil && now == nil {
		return nil
	}
	next := k.Progress
	next.Verdict, next.State = v, nil
	return &next
}

// isOlderFormat reports whether a record was written by a version that named neither database nor slot.
func isOlderFormat(rec *sink.Progress) bool {
	return rec.Origin.Database.OID == 0 || rec.Origin.Slot == ""
}

// durableCommit is the last commit that a sink has, or has a part of. A record of an older version names none: there everything up
// to its position counts as one commit.
func durableCommit(rec *sink.Progress) capture.Commit {
	c := rec.Commit
	switch {
	case rec.Position.Seq > 0 && rec.Position.LSN >= c.LSN: // where one commit record ends the next one may start
		return capture.Commit{LSN: rec.Position.LSN + 1}
	case c.IsZero() && isOlderFormat(rec) && rec.Position.LSN > 0:
		return capture.Commit{LSN: rec.Position.LSN}
	}
	return c
}
