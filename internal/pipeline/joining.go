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

// A sink without a record next to an older slot joins the lane with a copy of all rows of its own. The other sinks go on
// meanwhile, and the slot is not confirmed beyond the copy's point, so that the lane, when it starts again after the copy, has
// every change that the copy lacks (I1). Whatever ends the copy before its end leaves a record from within it, or none: the next
// attempt begins from scratch. docs/decisions/0022 has the reasons.

// joins notes whether the sink gets a copy before it takes part.
func (d *delivery) joins(joins bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.joining = joins
}

// forgetPoint is for another stream, whose source may have been put back to before the point of a former copy.
func (d *delivery) forgetPoint() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.point = capture.Position{}
}

func (d *delivery) isJoining() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.joining
}

// copies reports whether the sink is joining and has not accepted the end of its copy.
func (d *delivery) copies() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.joining && (d.point.IsZero() || d.accepted.Before(d.point))
}

// confirmable is up to where the source may forget its changes for this sink's sake: what it holds, or, while it is joining, the
// point of its copy. Before that point is known it is that of the former copy beside the same stream, or nothing.
func (d *delivery) confirmable() capture.Position {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.joining {
		return d.point
	}
	return d.holds
}

// join gives the sink a copy, as often as it takes; the lane then starts again (capture.ErrRestart). confirm is called when
// more may be confirmed. Any other error means that the stream has to be given up; nil, that ctx has ended.
func (d *delivery) join(ctx context.Context, s capture.Stream, confirm func()) error {
	for {
		err := d.copyRows(ctx, s, confirm)
		for {
			switch {
			case ctx.Err() != nil:
				return nil
			case err == nil || !d.isJoining():
				return capture.ErrRestart
			case givesUp(err):
				d.close()
				return err
			case !errors.Is(err, capture.ErrRestart):
				d.close()
				if capture.Sleep(ctx, d.trouble(err)) != nil {
					return nil
				}
			}
			if err = d.pass(ctx, s); err == nil && d.isJoining() {
				break
			}
		}
	}
}

// copyWindow is the window of a copy, in bytes. What does not fit any more is in the sink, so a rewind that is longer begins
// from scratch.
const copyWindow = 1 << 20

// copyStream is a stream as its sink sees it during a copy, which begins elsewhere.
type copyStream struct {
	capture.Stream
	start capture.Position
}

// Start implements capture.Stream.
func (s copyStream) Start() capture.Position { return s.start }

// copyRows is one attempt, within which trouble of the sink is mended as in the lane. capture.ErrRestart: from scratch.
func (d *delivery) copyRows(ctx context.Context, s capture.Stream, confirm func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.enter(State{Name: "copying", Kind: OK, Reason: "the sink has no progress record and gets a copy of all rows"})
	source, can := s.(capture.Copier)
	if !can {
		return errors.New("the source cannot copy rows while it streams")
	}
	if err := d.unused(ctx, s, source.Tables()); err != nil {
		return err
	}
	rows, err := source.Copy(ctx, d.index, func(p *capture.Problem) { d.enter(stateOf(p, p.State)) })
	if err != nil {
		return err
	}
	defer rows.Close()
	start := capture.Position{LSN: rows.Point() - 1}
	if err := d.forget(ctx, start); err != nil {
		return err
	}
	d.mu.Lock()
	d.point = capture.Position{LSN: rows.Point()}
	d.mu.Unlock()
	confirm()
	d.fine()
	w := newWindow(copyWindow, start, d.index+1, func(int, time.Duration) {})
	w.copies = true
	for i := range d.index {
		w.leave(i)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return guarded(d.log, func() error { return d.run(ctx, copyStream{s, start}, w) }) })
	g.Go(func() error {
		defer cancel()
		return d.pumpRows(ctx, rows, w)
	})
	return g.Wait()
}

// forget puts the sink before a copy that begins at start. A record of an earlier copy that stands behind that, since the
// source was put back, would hide how far this one is.
func (d *delivery) forget(ctx context.Context, start capture.Position) error {
	d.startAnew()
	was := d.progress
	r, keeps := d.writer.(sink.Recorder)
	if !keeps || was.Memory != sink.Found || was.Position.Before(start) {
		return nil
	}
	return r.Record(ctx, sink.Progress{Memory: sink.Found, Position: start, Origin: d.opened})
}

// pumpRows fills a copy's window, and waits until the sink holds the end.
func (d *delivery) pumpRows(ctx context.Context, rows capture.Copy, w *window) error {
	for last := false; !last; {
		b, err := rows.Next(ctx)
		if err != nil {
			return err
		}
		d.expect(b)
		if err := w.append(ctx, b); err != nil {
			return err
		}
		last = b.Commit
	}
	for d.holding().LSN < rows.Point() {
		if err := capture.Sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// unused refuses a target that was used before, unless the file asks for the copy: what is missing may be the record alone, and
// then the sink misses nothing but what a copy would not tell it, such as the rows that were deleted since.
func (d *delivery) unused(ctx context.Context, s capture.Stream, tables []*capture.Table) error {
	u, tells := d.writer.(sink.UsedBefore)
	if !tells || d.begin == startrule.CopyRows {
		return nil
	}
	what, err := u.UsedBefore(ctx, tables)
	if err != nil || what == "" {
		return err
	}
	slot, err := s.Slot(ctx)
	if err != nil {
		return &streamBroke{err}
	}
	return startrule.UsedBefore(startrule.Source{Origin: s.Origin(), Slot: slot}, d.name, what)
}

// finish writes the state that the source wants to have recorded.
func (d *delivery) finish(ctx context.Context, s capture.Stream) error {
	r, keeps := d.writer.(sink.Recorder)
	if !keeps {
		return nil
	}
	d.drain(ctx, finishTime/2)
	if closed(d.failed) || d.holding().Before(d.position()) {
		return nil
	}
	d.remember()
	known, err := s.Compare(ctx, d.record())
	if err != nil || known.State == nil {
		return err
	}
	rec := d.progress
	rec.State = known.State
	if err := r.Record(ctx, rec); err != nil {
		return err
	}
	d.progress.State = known.State
	return nil
}
