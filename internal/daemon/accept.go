package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// Accept lets the sinks of a pipeline continue that are halted in a state which means that changes are missing, and returns what
// each of them loses. With dry it changes nothing. It refuses a state in which no sink is, unless it is that of a warning: then it
// changes nothing and returns no line. The daemon of the pipeline and its standbys may run: the one that has the slot continues with its
// next attempt.
func Accept(ctx context.Context, p config.Pipeline, state string, dry bool) (lost []string, err error) {
	if w, warns := p.Source.Settings.(Warnings); warns && slices.Contains(w.Warnings(), state) {
		return acceptWarning(ctx, p, w, state, dry)
	}
	src, records, err := recordsOf(ctx, p)
	if err != nil {
		return nil, err
	}
	defer closeAll(records)
	halted, others, err := haltedIn(p, src, records, state)
	if err != nil {
		return nil, err
	}
	if len(halted) == 0 {
		return nil, notHalted(p, state, others)
	}
	// A sink may be halted because of the verdict on another sink, which disappears when it is accepted. So every sink gets its own
	// verdict into its record before the first one is accepted: if Accept fails in between, the rest stays halted.
	for _, r := range halted {
		if !dry {
			err = r.writeVerdicts(ctx, src.Origin)
		}
		if err != nil {
			return nil, r.wrap(p, err)
		}
	}
	for _, r := range halted {
		a, err := startrule.Accept(src, r.known, r.problem)
		if err == nil && !dry {
			err = r.accept(ctx, p.Name, src.Origin, &a)
		}
		if err != nil {
			return lost, r.wrap(p, err)
		}
		lost = append(lost, a.Lost...)
	}
	return lost, nil
}

// haltedIn returns the sinks that are halted in a state, and describes the states of the others. It needs the records of all sinks:
// one whose record cannot be read may be halted in the state, too.
func haltedIn(p config.Pipeline, src startrule.Source, records []*record, state string) (halted []*record, others []string, err error) {
	sinks := make([]*startrule.Sink, len(records))
	for i, r := range records {
		if r.err != nil {
			return nil, nil, r.wrap(p, r.err)
		}
		sinks[i] = &r.known
		r.known.SeenDurable = state == startrule.ProgressLost // the operator has seen that there was one
		if state == startrule.NoRecord && r.known.Begin != startrule.FromNow {
			r.known.Begin = startrule.Ask // the operator does not want the copy
		}
	}
	for i, dec := range startrule.CheckGaps(src, sinks) {
		r := records[i]
		if r.decision, r.problem = dec, dec.Problem; r.problem == nil {
			continue
		}
		if v := dec.Verdict.Find(state); v != nil {
			r.problem = startrule.ProblemOf(v)
		}
		if r.problem.State != state {
			others = append(others, fmt.Sprintf("%s is %s", r.known.Name, r.problem.State))
			continue
		}
		halted = append(halted, r)
	}
	return halted, others, nil
}

// notHalted is the problem of a state in which no sink is.
func notHalted(p config.Pipeline, state string, others []string) *capture.Problem {
	known := []string{
		startrule.PublicationAltered, startrule.AheadOfSource, startrule.TimelineDiverged, startrule.Gap, startrule.ProgressLost,
		startrule.NoRecord, startrule.ProgressExpired, startrule.WrongDatabase, startrule.WrongSlot, startrule.WrongCluster,
	}
	if w, warns := p.Source.Settings.(Warnings); warns {
		known = append(known, w.Warnings()...)
	}
	if !slices.Contains(known, state) {
		return &capture.Problem{
			State: "not_acceptable", Usage: true, Reason: fmt.Sprintf("%q is not a state that can be accepted", state),
			Fix: "the states are " + strings.Join(known, ", "),
		}
	}
	reason := fmt.Sprintf("no sink of pipeline %s is %s", p.Name, state)
	if len(others) > 0 {
		reason += ": " + strings.Join(others, ", ")
	}
	return &capture.Problem{
		State: "not_acceptable", Usage: true, Reason: reason,
		Fix: "`tailrace status` shows the current state; a sink that keeps no record (stdout) begins again with the daemon, " +
			"or when the publication's comment is removed",
	}
}

// writeVerdicts writes the verdicts of the decision that the record does not have yet.
func (r *record) writeVerdicts(ctx context.Context, o capture.Origin) error {
	if r.decision.Verdict == nil || r.decision.Record == nil {
		return nil
	}
	r.decision.Date(time.Now().UTC())
	if err := r.write(ctx, o, r.decision.Record); err != nil {
		return err
	}
	r.known.Progress.Verdict = r.decision.Verdict
	return nil
}

// accept writes the record that the sink continues with.
func (r *record) accept(ctx context.Context, pipeline string, o capture.Origin, a *startrule.Acceptance) error {
	if a.Record == nil {
		_, err := r.block.Settings.(SinkSettings).Drop(ctx, pipeline, r.block.Name, o, false)
		return err
	}
	return r.write(ctx, o, a.Record)
}

// write writes a record, unless the record has changed since it was read.
func (r *record) write(ctx context.Context, o capture.Origin, to *sink.Progress) error {
	const most = 5 // a halted daemon opens the sink every 10 s
	var err error
	for range most {
		if err = r.tryWrite(ctx, o, to); !errors.Is(err, sink.ErrFenced) {
			return err
		}
	}
	return err
}

func (r *record) tryWrite(ctx context.Context, o capture.Origin, to *sink.Progress) (err error) {
	none := func(capture.Position) {}
	w, found, err := r.sink.Open(ctx, sink.Lane{Name: mainLane, Origin: o, OnDurable: none, Failed: func(error) {}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	was := r.known.Progress
	if found.Position != was.Position || !found.Origin.Same(was.Origin) || (found.Verdict == nil) != (was.Verdict == nil) {
		return errors.New("the progress record has changed meanwhile: run the command again")
	}
	keeper, keeps := w.(sink.Recorder)
	if !keeps {
		return errors.New("the sink keeps no record")
	}
	return keeper.Record(ctx, *to)
}
