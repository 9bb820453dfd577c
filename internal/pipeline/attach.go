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

// attachTo is attach for as long as the stream lives: an Open that hangs on a target must not keep a slot that is lost.
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
	if err != nil && closed(s.Done()) && !errors.Is(err, sink.ErrFenced) && !errors.Is(err, capture.ErrNotOurs) {
		return s.Err() // whatever it made of the sinks
	}
	return err
}

// attach lets every sink pass the start rule: the slot is ours and started, then Open, then the slot is read, then the
// judgement. All that it goes on from is what the sinks and the slot hold, so a daemon that died at any line before is succeeded
// like this (I7). An error means that the stream has to be given up. Nothing of a stream that is refused is remembered as
// accepted: the source accepts it with Resume, and a writer that was opened for it is closed.
func (l *lane) attach(ctx context.Context, s capture.Stream) error {
	judged := newVerdicts(len(l.sinks))
	for _, d := range l.sinks {
		d.forgetPoint()
		d.verdicts = judged
		if d.running = false; d.writer == nil {
			continue
		}
		d.remember()
		if !d.opened.Same(s.Origin()) {
			d.close() // its records would name the old origin
		}
	}
	var g errgroup.Group
	for _, d := range l.sinks {
		g.Go(func() error { return guarded(d.log, func() error { return d.attach(ctx, s) }) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, d := range l.sinks {
		if d.refusal != nil {
			l.closeWriters()
			return d.refusal
		}
	}
	anew, err := s.Resume(ctx, l.records())
	if err != nil {
		l.closeWriters()
		return err
	}
	l.fromSnapshot = anew
	for _, d := range l.sinks {
		d.running = true
		if d.anew = anew || d.isJoining(); anew {
			d.startAnew()
		}
	}
	return nil
}

// records is what the sinks have recorded, for the source to go on from. A sink that cannot keep a record says nothing.
func (l *lane) records() []capture.Record {
	var rs []capture.Record
	for _, d := range l.sinks {
		if d.progress.Memory != sink.Forgetful {
			rs = append(rs, d.record())
		}
	}
	return rs
}

// attach lets the sink pass, as often as it takes, and waits until the others have passed or the stream is refused. What concerns
// the whole stream is left to the pipeline: the next look is another stream's.
func (d *delivery) attach(ctx context.Context, s capture.Stream) error {
	defer d.verdicts.leave(d.index)
	for {
		d.refusal = nil
		known := d.verdicts.now()
		err := d.pass(ctx, s)
		if err == nil {
			again := false
			if again, err = d.verdicts.wait(ctx, d.index, known); again {
				continue
			}
		}
		if err == nil || ctx.Err() != nil || givesUp(err) {
			return err
		}
		if p := capture.AsProblem(err); p != nil && p.State == startrule.PublicationAltered {
			d.refusal = p
			d.enter(stateOf(p, p.State))
			return nil
		}
		d.close()
		if err := capture.Sleep(ctx, d.trouble(err)); err != nil {
			return err
		}
	}
}
