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

// The start rule is package startrule, which judges. What stands here asks the sink and the source for what it judges by,
// and writes down what it decides.

// remembered is a verdict that the sink's record does not have: the sink keeps none, or it could not be written yet.
type remembered struct {
	verdict  *sink.Verdict
	progress sink.Progress // that was judged; another one is the operator's word
}

// pass lets the sink pass the start rule: it opens it where it has to be, and writes what is decided. The error is the
// problem that the rule found, or that of the attempt.
func (d *delivery) pass(ctx context.Context, s capture.Stream) error {
	open := d.writer == nil || d.holding().Before(s.Start()) || closed(d.failed)
	dec, err := d.judge(ctx, s, open)
	if err == nil && (isNew(dec.Verdict) || (dec.Record != nil || dec.Copy) && !d.fresh) {
		// It will be written down, so look twice, since the first look may be too old, and only a new writer takes it. What a
		// former attempt of a copy has on its way does not belong to the next one.
		dec, err = d.judge(ctx, s, true)
	}
	if err != nil {
		return err
	}
	dec.Date(time.Now().UTC())
	d.verdicts.put(d.index, dec.Verdict) // before it is written: the lane's other sinks are judged by it in any case
	d.joins(dec.Copy)
	if dec.Problem == nil {
		return d.goOn(ctx, &dec)
	}
	if err := d.keep(ctx, &dec); err != nil {
		return err
	}
	return dec.Problem
}

// isNew reports whether a list of verdicts has one that was not there before.
func isNew(v *sink.Verdict) bool {
	for ; v != nil; v = v.Next {
		if v.Since.IsZero() {
			return true
		}
	}
	return false
}

// judge is one look. It asks first whether the slot is ours: a standby that opened a sink would fence its successor. It asks
// again after Open, so that what the sink held and what the slot says belong together.
func (d *delivery) judge(ctx context.Context, s capture.Stream, open bool) (startrule.Decision, error) {
	var none startrule.Decision
	if open {
		if _, err := s.Slot(ctx); err != nil {
			return none, &streamBroke{err}
		}
		if err := d.open(ctx, s); err != nil {
			return none, err
		}
	}
	slot, err := s.Slot(ctx)
	if err != nil {
		return none, &streamBroke{err}
	}
	dec, err := d.decide(ctx, s, slot, &d.progress)
	if err != nil || dec.Problem != nil || open {
		return dec, err
	}
	onWay := d.onItsWay()
	if onWay == nil {
		return dec, nil
	}
	next, err := d.decide(ctx, s, slot, onWay)
	if err != nil || next.Problem == nil {
		return dec, err
	}
	// It is of another history, and would be skipped as accepted in this one.
	d.log.Warn("what the sink has accepted and does not hold is not the source's", zap.String("why", next.Problem.Reason))
	d.forgetPending()
	return d.judge(ctx, s, true)
}

// decide judges the sink as if it held what progress says.
func (d *delivery) decide(ctx context.Context, s capture.Stream, slot capture.Slot, progress *sink.Progress) (
	dec startrule.Decision, err error,
) {
	k := startrule.Sink{
		Name: d.name, Progress: *progress, Recorded: d.everHeld(), Begin: d.begin, Beside: d.beside, Others: d.verdicts.others(d.index),
	}
	if m := d.memory; m != nil && m.progress.Position == progress.Position && m.progress.Origin.Same(progress.Origin) {
		k.Remembered = m.verdict
	}
	if progress.Memory == sink.Found || progress.Memory == sink.Forgetful {
		if k.Comparison, err = s.Compare(ctx, d.recordOf(progress)); err != nil {
			return dec, &streamBroke{fmt.Errorf("compare sink %s with the source: %w", d.name, err)}
		}
	}
	return startrule.Judge(startrule.Source{Origin: s.Origin(), Slot: slot, Running: d.running}, k), nil
}

// record is what the sink has recorded, for the source.
func (d *delivery) record() capture.Record { return d.recordOf(&d.progress) }

func (d *delivery) recordOf(p *sink.Progress) capture.Record {
	return capture.Record{Sink: d.name, Position: p.Position, State: p.State, Origin: p.Origin, Commit: p.Commit}
}

// goOn lets the sink go on as it was decided.
func (d *delivery) goOn(ctx context.Context, dec *startrule.Decision) error {
	d.memory = nil
	if dec.Record == nil {
		return nil
	}
	if dec.Why != "" {
		d.log.Info("progress record", zap.String("why", dec.Why), zap.Stringer("position", dec.From))
	}
	if r, keeps := d.writer.(sink.Recorder); keeps {
		if err := r.Record(ctx, *dec.Record); err != nil {
			return fmt.Errorf("write the progress record: %w", err)
		}
	}
	state := d.progress.State
	if dec.Record.State != nil {
		state = dec.Record.State
	}
	d.progress = sink.Progress{
		Memory: sink.Found, Position: dec.From, Origin: dec.Record.Origin, Commit: dec.Record.Commit, State: state,
		Late: d.progress.Late,
	}
	d.rewind(dec.From)
	return nil
}

// keep writes a verdict where every later look finds it. Where it cannot be written it is remembered, and written by the
// next look; only the end of the stream or of the writer is an error.
func (d *delivery) keep(ctx context.Context, dec *startrule.Decision) error {
	if dec.Verdict == nil {
		return nil
	}
	d.memory = &remembered{dec.Verdict, d.progress}
	r, keeps := d.writer.(sink.Recorder)
	if !keeps || dec.Record == nil {
		return nil
	}
	rec := *dec.Record
	rec.Verdict = dec.Verdict
	switch err := r.Record(ctx, rec); {
	case err == nil:
		d.memory, d.progress.Verdict = nil, dec.Verdict
	case givesUp(err) || errors.Is(err, context.Canceled):
		return err
	default:
		d.log.Warn("the verdict is not in the progress record yet", zap.String("state", dec.Verdict.State), zap.Error(err))
	}
	return nil
}
