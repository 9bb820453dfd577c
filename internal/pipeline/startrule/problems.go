package startrule

import (
	"fmt"
	"strings"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// The states that a check can find.
const (
	ProgressLost       = "progress_lost"
	ProgressExpired    = "progress_expired"
	NoRecord           = "no_record"
	WrongCluster       = "wrong_cluster"
	WrongDatabase      = "wrong_database"
	WrongSlot          = "wrong_slot"
	TimelineDiverged   = "timeline_diverged"
	AheadOfSource      = "ahead_of_source"
	PublicationAltered = "publication_altered"
	Gap                = "gap"
)

// Foreign returns why a record belongs to another pipeline; nil when it is of the source's lane, or of a version that does not
// record that.
func Foreign(name string, was, now capture.Origin) *capture.Problem {
	switch {
	case was.System != now.System:
		return problem(WrongCluster, fmt.Sprintf("sink %s has the progress of cluster %d, the source is cluster %d",
			name, was.System, now.System))
	case was.Database.OID != 0 && was.Database.OID != now.Database.OID:
		return problem(WrongDatabase, fmt.Sprintf("sink %s has the progress of database %s of this cluster, the source is database %s",
			name, was.Database, now.Database))
	case was.Slot != "" && was.Slot != now.Slot:
		return problem(WrongSlot, fmt.Sprintf("sink %s has the progress of slot %s, this pipeline reads slot %s",
			name, was.Slot, now.Slot))
	}
	return nil
}

func progressLost(k *Sink) *capture.Problem {
	return problem(ProgressLost, fmt.Sprintf("the progress record of sink %s is missing, although one was written before", k.Name))
}

func progressExpired(src *Source, k *Sink) *capture.Problem {
	return problem(ProgressExpired, fmt.Sprintf("sink %s has no progress record, slot %s is missing, and the target has deleted old records: "+
		"the pipeline may never have run, or both are lost, and with them what was committed since", k.Name, src.Origin.Slot))
}

func noRecord(src *Source, k *Sink) *capture.Problem {
	has := "no progress record"
	if k.Progress.Record == sink.RecordFound {
		has = "only a part of a copy of all rows"
	}
	return problem(NoRecord, fmt.Sprintf("sink %s has %s, and slot %s is older: what was committed before %s, where the slot begins, "+
		"is not in the stream", k.Name, has, src.Origin.Slot, src.Slot.Confirmed))
}

// UsedBefore is the problem of a sink without a record that would get a copy of all rows if its target were empty.
func UsedBefore(src Source, name, what string) *capture.Problem {
	p := noRecord(&src, &Sink{Name: name, Progress: sink.Progress{Record: sink.RecordNone}})
	p.Reason += "; it gets no copy unless the file asks for one, because " + what
	return p
}

func timelineDiverged(src *Source, k *Sink) *capture.Problem {
	was := k.Progress.Origin.Timeline
	end, on := src.Origin.Branch(was)
	if !on {
		return problem(TimelineDiverged, fmt.Sprintf("sink %s has %s of timeline %d, which is not in the history of the source (timeline %d)",
			k.Name, describeDurable(&k.Progress), was, src.Origin.Timeline))
	}
	return problem(TimelineDiverged, fmt.Sprintf("sink %s has %s of timeline %d, which the source (timeline %d) left at %s: the promotion lost "+
		"commits that the sink has", k.Name, describeDurable(&k.Progress), was, src.Origin.Timeline, end))
}

func aheadOfSource(src *Source, k *Sink) *capture.Problem {
	return problem(AheadOfSource, fmt.Sprintf("sink %s has %s, the source's WAL ends at %s: the source was restored to an older state",
		k.Name, describeDurable(&k.Progress), src.Slot.End))
}

func commitAbsent(k *Sink) *capture.Problem {
	return problem(AheadOfSource, fmt.Sprintf("sink %s has %s, and the source does not have that commit: the source was restored to an older state",
		k.Name, describeDurable(&k.Progress)))
}

func commitUnproven(k *Sink) *capture.Problem {
	return problem(AheadOfSource, fmt.Sprintf("sink %s has %s: by what another sink of the pipeline has, the source was restored to an "+
		"older state, and nothing shows that it has this commit", k.Name, describeDurable(&k.Progress)))
}

func publicationAltered(k *Sink) *capture.Problem {
	const most = 10
	what := k.Comparison.Altered
	if len(what) > most {
		what = append(what[:most:most], fmt.Sprintf("and %d more", len(what)-most))
	}
	reason := "another session altered the publication, and what was written meanwhile is missing in the stream: " + strings.Join(what, ", ")
	if k.Progress.Record == sink.RecordFound {
		reason += fmt.Sprintf("; sink %s has everything up to %s, which was before", k.Name, k.Progress.Position)
	}
	return problem(PublicationAltered, reason)
}

func gap(src *Source, k *Sink, from capture.Position) *capture.Problem {
	return problem(Gap, fmt.Sprintf("sink %s has everything up to %s, the slot begins at %s: the changes in between are lost", k.Name, from,
		src.Slot.Confirmed))
}

// describeDurable describes in a sentence what a sink has.
func describeDurable(rec *sink.Progress) string {
	c := rec.Commit
	if c.IsZero() || c.XID == 0 {
		return rec.Position.String()
	}
	return fmt.Sprintf("%s (the last commit is that of transaction %d at %s, %s)", rec.Position, uint32(c.XID), c.LSN,
		c.Time.UTC().Format(time.RFC3339Nano))
}

func problem(state, reason string) *capture.Problem {
	return &capture.Problem{State: state, Halted: true, Usage: true, Reason: reason, Fix: fixes[state]}
}

// ProblemOf is the problem of a verdict that stands.
func ProblemOf(v *sink.Verdict) *capture.Problem {
	p := problem(v.State, v.Reason)
	if !v.Since.IsZero() {
		p.Reason += fmt.Sprintf(" (found at %s)", v.Since.UTC().Format(time.RFC3339))
	}
	return p
}

const (
	rebuild = "rebuild the sink: `tailrace drop -pipeline P FILE`, remove its contents, start again;\n"
	accept  = "or continue without what is missing, which is listed first: `tailrace accept -pipeline P "
)

// fixes are written for capture.FixArgs.
var fixes = map[string]string{
	ProgressLost: "restore the record; or `tailrace drop -pipeline P FILE` and start from scratch;\n" +
		"or continue where the slot begins: `tailrace accept -pipeline P " + ProgressLost + " FILE`",
	ProgressExpired: "have the target keep progress records (in Kafka: cleanup.policy=compact). Then copy all rows:\n" +
		"`tailrace drop -pipeline P FILE`, and start again with a snapshot;\n" +
		"or begin with a new slot, if this is the first start or the loss is acceptable: `tailrace accept -pipeline P " + ProgressExpired + " FILE`",
	NoRecord: "the sink was added to a running pipeline, or its target was emptied or replaced: undo that if it was a mistake;\n" +
		"or copy all rows to the sink: start = \"copy\" in its block;\n" +
		"or let the sink begin where the slot begins, without older rows: start = \"now\" in its block, or\n" +
		"`tailrace accept -pipeline P " + NoRecord + " FILE`",
	WrongCluster: "set the source's url to the previous cluster; or give this pipeline another name, or a Kafka sink another progress_topic;\n" +
		"to take the record over for this cluster: `tailrace accept -pipeline P " + WrongCluster + " FILE`",
	WrongDatabase: "when the other database is in use: give this pipeline another name, or a Kafka sink another progress_topic;\n" +
		"when it is gone for good: `tailrace accept -pipeline P " + WrongDatabase + " FILE`",
	WrongSlot: "give this pipeline another name, or a Kafka sink another progress_topic: two slots need two records;\n" +
		"when nothing reads the other slot any more: `tailrace accept -pipeline P " + WrongSlot + " FILE`",
	TimelineDiverged: rebuild + accept + TimelineDiverged + " FILE`",
	AheadOfSource: rebuild + accept + AheadOfSource + " FILE`.\n" +
		"When url points to an old copy by mistake, correct it first",
	PublicationAltered: "copy the rows again: `tailrace drop -pipeline P FILE`, then start again with a snapshot;\n" +
		"or, when tables are named, continue with the others, which are complete: exclude the named ones by except in the source's block\n" +
		"(where tables names them one by one, there; with manage = false, in the publication), restart, then\n" +
		"`tailrace accept -pipeline P " + PublicationAltered + " FILE`; another pipeline with such a table in its tables copies all rows of it to Kafka,\n" +
		"and a replica says what to do when the file takes the table again;\n" +
		accept + PublicationAltered + " FILE`",
	Gap: "the slot was advanced by another process, or the sink was put back to an older state.\n" +
		"Copy the rows again: `tailrace drop -pipeline P FILE`, then start again;\n" + accept + Gap + " FILE`",
}
