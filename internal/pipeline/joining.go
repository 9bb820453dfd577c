package pipeline

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// A sink that has no record next to an older slot joins the lane with a copy of all rows of its own. The other sinks continue
// meanwhile, and the slot is not confirmed beyond the copy's point, so that the lane, when it starts again after the copy, has
// every change that the copy lacks (I1). A copy that ends early leaves a record from within it, or none: the next attempt begins
// from scratch. docs/decisions/0022 has the reasons.

// setJoining records whether the sink gets a copy before it takes part.
func (r *sinkRunner) setJoining(joins bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joining = joins
}

// clearCopyPoint is called for a new stream: its source may have been restored to before the point of an earlier copy.
func (r *sinkRunner) clearCopyPoint() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.copyPoint = capture.Position{}
}

func (r *sinkRunner) isJoining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.joining
}

// isCopying reports whether the sink is joining and has not accepted the end of its copy.
func (r *sinkRunner) isCopying() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.joining && (r.copyPoint.IsZero() || r.acceptedPos.Before(r.copyPoint))
}

// confirmable is the position up to which the source no longer needs its changes for this sink: the durable position or, while
// the sink is joining, the point of its copy. Until that point is known it is that of the previous copy during the same stream,
// or zero.
func (r *sinkRunner) confirmable() capture.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.joining {
		return r.copyPoint
	}
	return r.durablePos
}

// joinByCopy gives the sink a copy, with as many attempts as it takes; the lane then starts again (capture.ErrRestart). It calls
// confirm when more may be confirmed. Any other error means that the stream has to end; nil, that ctx has ended.
func (r *sinkRunner) joinByCopy(ctx context.Context, s capture.Stream, confirm func()) error {
	for {
		err := r.copyRows(ctx, s, confirm)
		for {
			switch {
			case ctx.Err() != nil:
				return nil
			case err == nil || !r.isJoining():
				return capture.ErrRestart
			case endsStream(err):
				r.close()
				return err
			case !errors.Is(err, capture.ErrRestart):
				r.close()
				if capture.Sleep(ctx, r.setProblem(err)) != nil {
					return nil
				}
			}
			if err = r.passStartRule(ctx, s); err == nil && r.isJoining() {
				break
			}
		}
	}
}

// copyWindow is the window of a copy, in bytes. A rewind beyond it begins the copy from scratch.
const copyWindow = 1 << 20

// copyStream is a stream as a sink sees it during a copy, which begins at another position.
type copyStream struct {
	capture.Stream
	start capture.Position
}

// Start implements capture.Stream.
func (s copyStream) Start() capture.Position { return s.start }

// copyRows makes one attempt, which recovers from the sink's errors as the lane does. capture.ErrRestart: begin from scratch.
func (r *sinkRunner) copyRows(ctx context.Context, s capture.Stream, confirm func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.enter(State{Name: "copying", Kind: OK, Reason: "the sink has no progress record and gets a copy of all rows"})
	source, can := s.(capture.Copier)
	if !can {
		return errors.New("the source cannot copy rows while it streams")
	}
	if err := r.checkUnused(ctx, s, source.Tables()); err != nil {
		return err
	}
	rows, err := source.Copy(ctx, r.index, func(p *capture.Problem) { r.enter(stateOf(p, p.State)) })
	if err != nil {
		return err
	}
	defer rows.Close()
	start := capture.Position{LSN: rows.Point() - 1}
	if err := r.resetForCopy(ctx, start); err != nil {
		return err
	}
	r.mu.Lock()
	r.copyPoint = capture.Position{LSN: rows.Point()}
	r.mu.Unlock()
	confirm()
	r.setWorking()
	w := newWindow(copyWindow, start, r.index+1, func(int, time.Duration) {})
	w.ofCopy = true
	for i := range r.index {
		w.exclude(i)
	}
	r.seek(w)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return recoverPanics(r.log, func() error { return r.run(ctx, copyStream{s, start}, w) }) })
	g.Go(func() error {
		defer cancel()
		return r.pumpRows(ctx, rows, w)
	})
	return g.Wait()
}

// resetForCopy puts the sink before a copy that begins at start. A record of an earlier copy that lies after start, because the
// source was restored, would hide the progress of this one.
func (r *sinkRunner) resetForCopy(ctx context.Context, start capture.Position) error {
	r.startFromSnapshot()
	was := r.progress
	recorder, keeps := r.writer.(sink.Recorder)
	if !keeps || was.Record != sink.RecordFound || was.Position.Before(start) {
		return nil
	}
	return recorder.Record(ctx, sink.Progress{Record: sink.RecordFound, Position: start, Origin: r.origin})
}

// pumpRows fills a copy's window and waits until its end is durable in the sink.
func (r *sinkRunner) pumpRows(ctx context.Context, rows capture.Copy, w *window) error {
	for last := false; !last; {
		b, err := rows.Next(ctx)
		if err != nil {
			return err
		}
		if err := maskRows(r.masks, b.Changes); err != nil {
			return err
		}
		r.addPending(b)
		if err := w.append(ctx, b); err != nil {
			return err
		}
		last = b.Commit
	}
	for r.durable().LSN < rows.Point() {
		if err := capture.Sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// checkUnused refuses a target that was used before, unless the file asks for the copy. It may be that only the record is lost:
// then the target is complete but for what a copy does not carry, such as deletes.
func (r *sinkRunner) checkUnused(ctx context.Context, s capture.Stream, tables []*capture.Table) error {
	u, can := r.writer.(sink.UsedBefore)
	if !can || r.begin == startrule.CopyRows {
		return nil
	}
	what, err := u.UsedBefore(ctx, tables)
	if err != nil || what == "" {
		return err
	}
	slot, err := s.Slot(ctx)
	if err != nil {
		return &streamError{err}
	}
	return startrule.UsedBefore(startrule.Source{Origin: s.Origin(), Slot: slot}, r.name, what)
}

// recordFinished writes the state that the source wants recorded after the first copy.
func (r *sinkRunner) recordFinished(ctx context.Context, s capture.Stream) error {
	recorder, keeps := r.writer.(sink.Recorder)
	if !keeps {
		return nil
	}
	r.drain(ctx, finishTime/2)
	if closed(r.failed) || r.durable().Before(r.accepted()) {
		return nil
	}
	r.updateProgress()
	known, err := s.Compare(ctx, r.record())
	if err != nil || known.State == nil {
		return err
	}
	rec := r.progress
	rec.State = known.State
	if err := recorder.Record(ctx, rec); err != nil {
		return err
	}
	r.progress.State = known.State
	return nil
}
