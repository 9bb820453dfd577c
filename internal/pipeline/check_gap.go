package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// Package startrule decides by the start rule. This file collects the evidence from the sink and the source, and records the
// decision.

// unwrittenVerdict is a verdict that the sink's record does not have: the sink keeps no record, or the write has failed.
type unwrittenVerdict struct {
	verdict  *sink.Verdict
	progress sink.Progress // with which the verdict was found; when it differs the operator has accepted the verdict
}

// passStartRule applies the start rule to the sink: it opens the sink if necessary and records the decision. The error is the
// problem that the rule found, or why the attempt failed.
func (r *sinkRunner) passStartRule(ctx context.Context, s capture.Stream) error {
	open := r.writer == nil || r.durable().Before(s.Start()) || closed(r.failed)
	dec, err := r.checkGap(ctx, s, open)
	if err == nil && (hasNew(dec.Verdict) || (dec.Record != nil || dec.Copy) && !r.newWriter) {
		// The decision will be recorded, so check again: the evidence of the first check may be outdated, and only a new writer
		// takes a record. What an earlier attempt of a copy has in flight does not belong to the next one.
		dec, err = r.checkGap(ctx, s, true)
	}
	if err != nil {
		return err
	}
	dec.Date(time.Now().UTC())
	r.verdicts.put(r.index, dec.Verdict) // before it is written: the decisions on the lane's other sinks need it in any case
	r.setJoining(dec.Copy)
	if dec.Problem == nil {
		return r.continueFrom(ctx, &dec)
	}
	if err := r.writeVerdict(ctx, &dec); err != nil {
		return err
	}
	return dec.Problem
}

// hasNew reports whether a list of verdicts has a new one.
func hasNew(v *sink.Verdict) bool {
	for ; v != nil; v = v.Next {
		if v.Since.IsZero() {
			return true
		}
	}
	return false
}

// checkGap checks the sink against the slot once. It reads the slot first, since a standby that opened a sink would fence the
// active daemon's writer. It reads the slot again after Open, so that the sink's position and the slot's belong together.
func (r *sinkRunner) checkGap(ctx context.Context, s capture.Stream, open bool) (startrule.Decision, error) {
	var none startrule.Decision
	if open {
		if _, err := s.Slot(ctx); err != nil {
			return none, &streamError{err}
		}
		if err := r.open(ctx, s); err != nil {
			return none, err
		}
	}
	slot, err := s.Slot(ctx)
	if err != nil {
		return none, &streamError{err}
	}
	dec, err := r.decide(ctx, s, slot, &r.progress)
	if err != nil || dec.Problem != nil || open {
		return dec, err
	}
	accepted := r.acceptedProgress()
	if accepted == nil {
		return dec, nil
	}
	next, err := r.decide(ctx, s, slot, accepted)
	if err != nil || next.Problem == nil {
		return dec, err
	}
	// What was accepted belongs to another history; in this one changes at the same positions would be skipped.
	r.log.Warn("the sink has accepted changes of another history, which are not durable yet: opening it again",
		zap.String("why", next.Problem.Reason))
	r.clearPending()
	return r.checkGap(ctx, s, true)
}

// decide applies the start rule to the sink as if its progress were the given one.
func (r *sinkRunner) decide(ctx context.Context, s capture.Stream, slot capture.Slot, progress *sink.Progress) (
	dec startrule.Decision, err error,
) {
	k := startrule.Sink{
		Name: r.name, Progress: *progress, SeenDurable: r.hasSeenDurable(), Begin: r.begin,
		OthersKeepRecord: r.othersKeepRecord, Others: r.verdicts.others(r.index),
	}
	if m := r.unwritten; m != nil && m.progress.Position == progress.Position && m.progress.Origin.Same(progress.Origin) {
		k.Remembered = m.verdict
	}
	if progress.Record == sink.RecordFound || progress.Record == sink.RecordUnsupported {
		if k.Comparison, err = s.Compare(ctx, r.recordOf(progress)); err != nil {
			return dec, &streamError{fmt.Errorf("compare sink %s with the source: %w", r.name, err)}
		}
	}
	return startrule.CheckGap(startrule.Source{Origin: s.Origin(), Slot: slot, Running: r.passed}, k), nil
}

// record is the sink's progress record, for the source.
func (r *sinkRunner) record() capture.Record { return r.recordOf(&r.progress) }

func (r *sinkRunner) recordOf(p *sink.Progress) capture.Record {
	return capture.Record{Sink: r.name, Position: p.Position, State: p.State, Origin: p.Origin, Commit: p.Commit}
}

// continueFrom lets the sink continue from the position of a decision.
func (r *sinkRunner) continueFrom(ctx context.Context, dec *startrule.Decision) error {
	r.unwritten = nil
	if dec.Record == nil {
		return nil
	}
	if dec.Why != "" {
		r.log.Info("progress record", zap.String("why", dec.Why), zap.Stringer("position", dec.From))
	}
	if recorder, keeps := r.writer.(sink.Recorder); keeps {
		if err := recorder.Record(ctx, *dec.Record); err != nil {
			return fmt.Errorf("write the progress record: %w", err)
		}
	}
	state := r.progress.State
	if dec.Record.State != nil {
		state = dec.Record.State
	}
	r.progress = sink.Progress{
		Record: sink.RecordFound, Position: dec.From, Origin: dec.Record.Origin, Commit: dec.Record.Commit, State: state,
		AcksLate: r.progress.AcksLate,
	}
	r.rewind(dec.From)
	return nil
}

// writeVerdict writes a verdict to the sink's record, where every later check finds it. When the write fails the verdict is kept
// in memory and the next check writes it; only the end of the stream or of the writer is an error.
func (r *sinkRunner) writeVerdict(ctx context.Context, dec *startrule.Decision) error {
	if dec.Verdict == nil {
		return nil
	}
	r.unwritten = &unwrittenVerdict{dec.Verdict, r.progress}
	recorder, keeps := r.writer.(sink.Recorder)
	if !keeps || dec.Record == nil {
		return nil
	}
	rec := *dec.Record
	rec.Verdict = dec.Verdict
	switch err := recorder.Record(ctx, rec); {
	case err == nil:
		r.unwritten, r.progress.Verdict = nil, dec.Verdict
	case endsStream(err) || errors.Is(err, context.Canceled):
		return err
	default:
		r.log.Warn("the verdict is not in the progress record yet", zap.String("state", dec.Verdict.State), zap.Error(err))
	}
	return nil
}
