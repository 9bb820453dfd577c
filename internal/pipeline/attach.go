package pipeline

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// attachTo attaches the sinks and gives up when the stream ends: an Open that hangs must not keep a slot that is lost.
func (l *lane) attachTo(ctx context.Context, s capture.Stream) error {
	alive, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer func() { cancel(nil); watch.Wait() }()
	watch.Go(func() {
		select {
		case <-s.Done():
			cancel(s.Err())
		case <-alive.Done():
		}
	})
	err := l.attach(alive, s)
	if err != nil && closed(s.Done()) && !errors.Is(err, sink.ErrFenced) && !errors.Is(err, capture.ErrSlotInUse) {
		return s.Err() // the sinks' errors follow from it
	}
	return err
}

// attach applies the start rule to every sink: the slot is ours and started, then Open, then the slot is read, then the decision.
// It uses nothing but the sinks' records and the slot, so a crash at any earlier line is recovered from here (I7). An error means
// that the stream has to end. Nothing of a refused stream counts as accepted: the source accepts it with Resume, and a writer
// that was opened for it is closed.
func (l *lane) attach(ctx context.Context, s capture.Stream) error {
	verdicts := newVerdicts(len(l.sinks))
	for _, r := range l.sinks {
		r.clearCopyPoint()
		r.verdicts = verdicts
		if r.passed = false; r.writer == nil {
			continue
		}
		r.updateProgress()
		if !r.origin.Same(s.Origin()) {
			r.close() // its records would name the old origin
		}
	}
	var g errgroup.Group
	for _, r := range l.sinks {
		g.Go(func() error { return recoverPanics(r.log, func() error { return r.attach(ctx, s) }) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, r := range l.sinks {
		if r.refusal != nil {
			l.closeWriters()
			return r.refusal
		}
	}
	fromSnapshot, err := s.Resume(ctx, l.records())
	if err != nil {
		l.closeWriters()
		return err
	}
	l.fromSnapshot = fromSnapshot
	for _, r := range l.sinks {
		r.passed = true
		if r.fromSnapshot = fromSnapshot || r.isJoining(); fromSnapshot {
			r.startFromSnapshot()
		}
	}
	return nil
}

// records returns the sinks' progress records, from which the source continues. A sink that cannot keep one has none here.
func (l *lane) records() []capture.Record {
	var rs []capture.Record
	for _, r := range l.sinks {
		if r.progress.Record != sink.RecordUnsupported {
			rs = append(rs, r.record())
		}
	}
	return rs
}

// attach applies the start rule to the sink, with as many attempts as it takes, and waits until the other sinks have passed or the
// stream is refused. A problem of the stream itself is left to the lane: only another stream can solve it.
func (r *sinkRunner) attach(ctx context.Context, s capture.Stream) error {
	defer r.verdicts.remove(r.index)
	for {
		r.refusal = nil
		known := r.verdicts.count()
		err := r.passStartRule(ctx, s)
		if err == nil {
			again := false
			if again, err = r.verdicts.wait(ctx, r.index, known); again {
				continue
			}
		}
		if err == nil || ctx.Err() != nil || endsStream(err) {
			return err
		}
		if p := capture.AsProblem(err); p != nil && p.State == startrule.PublicationAltered {
			r.refusal = p
			r.enter(stateOf(p, p.State))
			return nil
		}
		r.close()
		if err := capture.Sleep(ctx, r.setProblem(err)); err != nil {
			return err
		}
	}
}
