package pipeline

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// attachTo is attach for as long as the stream lives: an Open that hangs on a target must not keep a slot that is lost.
func (p *Pipeline) attachTo(ctx context.Context, s capture.Stream) error {
	alive, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-s.Done():
			cancel(s.Err())
		case <-alive.Done():
		}
	}()
	err := p.attach(alive, s)
	if err != nil && closed(s.Done()) && !givesUp(err) {
		return s.Err() // whatever it made of the sinks
	}
	return err
}

// attach opens the sinks whose writer is closed or which stand behind the stream, and lets every sink pass the start
// rule: the slot is ours and started, then Open, then the slot is read, then the comparison. All that it goes on from is
// what the sinks and the slot hold, so whoever died at any line before is succeeded like this (I7). An error means that
// the stream has to be given up.
func (p *Pipeline) attach(ctx context.Context, s capture.Stream) error {
	for _, d := range p.sinks {
		if d.writer != nil {
			d.remember(p.origin)
		}
	}
	if o := s.Origin(); p.origin.System != o.System || p.origin.Timeline != o.Timeline || p.origin.Publication != o.Publication {
		p.closeWriters() // their records would name the old origin
	}
	p.origin = s.Origin()
	var g errgroup.Group
	for _, d := range p.sinks {
		g.Go(func() error { return guarded(d.log, func() error { return d.attach(ctx, s) }) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	anew, err := s.Resume(ctx, p.records())
	if err != nil {
		return err
	}
	for _, d := range p.sinks {
		if d.anew = anew; anew {
			d.startAnew()
			continue
		}
		if d.progress.Memory != sink.Found {
			continue
		}
		if err := d.insist(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// records is what the sinks have recorded, for the source to go on from. A sink that cannot keep a record says nothing.
func (p *Pipeline) records() []capture.Record {
	var rs []capture.Record
	for _, d := range p.sinks {
		if d.progress.Memory != sink.Forgetful {
			rs = append(rs, capture.Record{
				Sink: d.name, Position: d.holding(), State: d.progress.State, Publication: d.progress.Origin.Publication,
			})
		}
	}
	return rs
}

// attach opens the sink if it has to be, as often as it takes. Each attempt looks first whether the slot is still ours: a
// standby that opened a sink would fence its successor and judge by what was held before.
func (d *delivery) attach(ctx context.Context, s capture.Stream) error {
	for {
		slot, err := s.Slot(ctx)
		if err != nil {
			return err
		}
		if d.writer == nil || d.holding().Before(s.Start()) || closed(d.failed) {
			err = d.open(ctx, s)
		}
		if err == nil {
			err = d.judgeOrigin(ctx, s, slot)
		}
		if err == nil || ctx.Err() != nil || givesUp(err) {
			return err
		}
		d.close()
		if err := capture.Sleep(ctx, d.trouble(err)); err != nil {
			return err
		}
	}
}

// insist judges the gap until there is none.
func (d *delivery) insist(ctx context.Context, s capture.Stream) error {
	for {
		err := d.judge(ctx, s)
		if err == nil || givesUp(err) || ctx.Err() != nil {
			return err
		}
		d.close()
		if err := capture.Sleep(ctx, d.trouble(err)); err != nil {
			return err
		}
		if err := d.attach(ctx, s); err != nil {
			return err
		}
	}
}

// judge compares the open sink with the slot. Before it says gap it opens the sink once more, with the slot still ours:
// the first look may have been too old.
func (d *delivery) judge(ctx context.Context, s capture.Stream) error {
	for again := false; ; again = true {
		slot, err := s.Slot(ctx)
		if err != nil {
			return &streamBroke{err}
		}
		gap := judgeGap(d.name, d.holding(), slot)
		if gap == nil || again {
			return gap
		}
		if err := d.open(ctx, s); err != nil {
			return fmt.Errorf("open %s again: %w", d.name, err)
		}
	}
}
