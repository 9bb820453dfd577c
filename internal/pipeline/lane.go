package pipeline

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/tailrace/tailrace/capture"
)

// drainTime bounds how long an ending pipeline waits for what its sinks have accepted.
const drainTime = 5 * time.Second

// lane is an ordered stream of the source's changes and the sinks that take them. It outlives the connections to the source:
// each of them is a capture.Stream, with a window of its own.
type lane struct {
	pipeline  string // its name
	log       *zap.Logger
	sinks     []*delivery
	limit     int64 // of the window, in bytes
	metrics   *Metrics
	streaming func() // called when every sink has passed the start rule

	fromSnapshot bool // the stream began with all rows; of the goroutine that serves

	mu     sync.Mutex       // guards what follows
	stream capture.Stream   // nil: no stream has passed the start rule, nothing is confirmed
	window *window          // of the stream
	sent   capture.Position // what was confirmed to the stream
}

// serve works on one connection until it breaks or ctx ends. Its error is the reason.
func (l *lane) serve(ctx context.Context, s capture.Stream) error {
	for _, d := range l.sinks {
		d.warnOfLostCommits(s.Origin())
	}
	if err := l.attachTo(ctx, s); err != nil {
		return err
	}
	w := newWindow(l.limit, s.Start(), len(l.sinks), l.waited)
	// A sink without a record writes its first one where the stream begins. Where that is a copy of all rows, the first
	// record comes with the source's state in it: without it, it would look like one from beyond the copy.
	if !l.fromSnapshot {
		if err := w.append(ctx, capture.Batch{End: s.Start(), Commit: true}); err != nil {
			return err
		}
	}
	for _, d := range l.sinks {
		if d.isJoining() {
			w.leave(d.index)
			continue
		}
		w.seek(d.index, d.position())
		d.mended(false)
	}
	l.streaming()
	l.setStream(s, w)
	err := l.flow(ctx, s, w)
	if ctx.Err() != nil {
		l.drain(ctx)
	}
	l.finish(ctx, s)
	l.setStream(nil, nil)
	return err
}

// flow moves batches until the stream or ctx ends.
func (l *lane) flow(ctx context.Context, s capture.Stream, w *window) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.broke(ctx, s) })
	pump := false // while every sink is joining nothing takes batches
	for _, d := range l.sinks {
		work := func() error { return d.run(ctx, s, w) }
		if d.isJoining() {
			work = func() error { return d.join(ctx, s, l.confirm) }
		} else {
			pump = true
		}
		g.Go(func() error { return guarded(d.log, work) })
	}
	if pump {
		g.Go(func() error { return guarded(l.log, func() error { return l.pump(ctx, s, w) }) })
	}
	return g.Wait()
}

// broke ends the flow when the stream has ended although nobody asks it for more: the window may be full.
func (l *lane) broke(ctx context.Context, s capture.Stream) error {
	select {
	case <-s.Done():
		return s.Err()
	case <-ctx.Done():
		return nil
	}
}

// pump fills the window: steps 5 and 6 of the way of one row.
func (l *lane) pump(ctx context.Context, s capture.Stream, w *window) error {
	for {
		began := time.Now()
		b, err := s.Next(ctx)
		if err != nil {
			return err
		}
		if since, idle := w.idle(); idle {
			l.waited(source, min(time.Since(began), time.Since(since)))
		}
		for _, d := range l.sinks {
			if !d.isJoining() {
				d.expect(b)
			}
		}
		l.metrics.changes.WithLabelValues(l.pipeline).Add(float64(len(b.Changes)))
		if err := w.append(ctx, b); err != nil {
			return err
		}
	}
}

func (l *lane) drain(ctx context.Context) {
	var g sync.WaitGroup
	for _, d := range l.sinks {
		if !d.copies() {
			g.Go(func() { d.drain(ctx, drainTime) })
		}
	}
	g.Wait()
}

// setStream makes a stream and its window those that are confirmed to; nil: none. From here on Confirm is allowed (I1).
func (l *lane) setStream(s capture.Stream, w *window) {
	l.mu.Lock()
	l.stream, l.window, l.sent = s, w, capture.Position{}
	l.mu.Unlock()
	if s != nil {
		l.confirm()
	}
}

// held hears what a sink holds: step 10 of the way of one row.
func (l *lane) held(d *delivery, pos capture.Position) {
	d.hold(pos)
	l.mu.Lock()
	w := l.window
	l.mu.Unlock()
	if w != nil {
		w.hold(d.index, pos)
		l.confirm()
	}
}

// confirm tells the source what every sink holds (I1): step 11 of the way of one row. The stream keeps I2.
func (l *lane) confirm() {
	least := l.sinks[0].confirmable()
	for _, d := range l.sinks[1:] {
		if h := d.confirmable(); h.Before(least) {
			least = h
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stream != nil && l.sent.Before(least) {
		l.sent = least
		l.stream.Confirm(least)
	}
}

func (l *lane) waited(index int, d time.Duration) {
	who := "source"
	if index != source {
		who = l.sinks[index].name
	}
	l.metrics.waited.WithLabelValues(l.pipeline, who).Add(d.Seconds())
}

// finishTime bounds how long an ending pipeline waits for the lasting slot of a first start and for the records that say
// so.
const finishTime = 1500 * time.Millisecond

// finish has every sink record that the first copy is finished, when the stream has made its slot last. A sink that has
// something on its way for longer, and all of them when this daemon dies before, record it at the next start.
func (l *lane) finish(ctx context.Context, s capture.Stream) {
	if !l.fromSnapshot {
		return
	}
	for _, d := range l.sinks {
		if d.holding().Before(capture.Position{LSN: s.Start().Flush()}) {
			return
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	select {
	case <-s.Done():
	case <-ctx.Done():
		return
	}
	var g errgroup.Group
	for _, d := range l.sinks {
		g.Go(func() error { return guarded(d.log, func() error { return d.finish(ctx, s) }) })
	}
	if err := g.Wait(); err != nil {
		l.log.Debug("record that the copy is finished", zap.Error(err))
	}
}

// flight is how many bytes are in the window, and up to where the stream was confirmed.
func (l *lane) flight() (bytes int64, sent capture.Position) {
	l.mu.Lock()
	w := l.window
	sent = l.sent
	l.mu.Unlock()
	if w != nil {
		bytes = w.size()
	}
	return bytes, sent
}

func (l *lane) closeWriters() {
	for _, d := range l.sinks {
		d.close()
	}
}
