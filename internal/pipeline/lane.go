package pipeline

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// drainTime is how long at most an ending pipeline waits until what its sinks have accepted is durable.
const drainTime = 5 * time.Second

// lane is an ordered stream of the source's changes and the sinks that take them. It outlives the connections to the source:
// each of them is a capture.Stream, with a window of its own.
type lane struct {
	pipeline    string // its name
	log         *zap.Logger
	sinks       []*sinkRunner
	masks       []transform.RowMask
	windowLimit int64 // of the window, in bytes
	metrics     *Metrics
	onStreaming func() // called when every sink has passed the start rule

	fromSnapshot bool // the stream began with all rows; of the goroutine that serves

	mu        sync.Mutex       // guards what follows
	stream    capture.Stream   // nil: no stream has passed the start rule, nothing is confirmed
	window    *window          // of the stream
	confirmed capture.Position // what was confirmed to the stream
}

// serve runs the lane on one connection until that breaks or ctx ends. Its error is the reason.
func (l *lane) serve(ctx context.Context, s capture.Stream) error {
	for _, r := range l.sinks {
		r.warnOfLostCommits(s.Origin())
	}
	if err := l.attachTo(ctx, s); err != nil {
		return err
	}
	w := newWindow(l.windowLimit, s.Start(), len(l.sinks), l.waited)
	// A sink without a record writes its first one where the stream begins. Not where the stream begins with a copy of all rows:
	// there the first record comes with the source's state, and a record without it would look like one from after the copy.
	if !l.fromSnapshot {
		if err := w.append(ctx, capture.Batch{End: s.Start(), Commit: true}); err != nil {
			return err
		}
	}
	for _, r := range l.sinks {
		if r.isJoining() {
			w.exclude(r.index)
			continue
		}
		r.seek(w)
		r.clearSuspect(false)
	}
	l.onStreaming()
	l.setStream(s, w)
	err := l.flow(ctx, s, w)
	if ctx.Err() != nil {
		l.drain(ctx)
		for _, r := range l.sinks {
			r.cleanup.finish(ctx)
		}
	}
	l.finishSnapshot(ctx, s)
	l.setStream(nil, nil)
	return err
}

// flow moves batches until the stream or ctx ends.
func (l *lane) flow(ctx context.Context, s capture.Stream, w *window) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.watchStream(ctx, s) })
	pump := false // while every sink is joining no sink reads the window
	for _, r := range l.sinks {
		work := func() error { return r.run(ctx, s, w) }
		if r.isJoining() {
			work = func() error { return r.joinByCopy(ctx, s, l.confirm) }
		} else {
			pump = true
		}
		g.Go(func() error { return recoverPanics(r.log, work) })
		if r.cleanup != nil {
			g.Go(func() error { return recoverPanics(r.log, func() error { return r.cleanup.run(ctx) }) })
		}
	}
	if pump {
		g.Go(func() error { return recoverPanics(l.log, func() error { return l.pump(ctx, s, w) }) })
	}
	return g.Wait()
}

// watchStream ends the flow when the stream has ended while pump does not call Next: the window may be full.
func (l *lane) watchStream(ctx context.Context, s capture.Stream) error {
	select {
	case <-s.Done():
		return s.Err()
	case <-ctx.Done():
		return nil
	}
}

// pump fills the window.
func (l *lane) pump(ctx context.Context, s capture.Stream, w *window) error {
	for {
		began := time.Now()
		b, err := s.Next(ctx)
		if err != nil {
			return err
		}
		if err := maskRows(l.masks, b.Changes); err != nil {
			return err
		}
		if since, idle := w.idleSince(); idle {
			l.waited(source, min(time.Since(began), time.Since(since)))
		}
		for _, r := range l.sinks {
			if !r.isJoining() {
				r.addPending(b)
			}
		}
		l.metrics.read(l.pipeline, b.Changes)
		if err := w.append(ctx, b); err != nil {
			return err
		}
	}
}

// drain waits until what the sinks have accepted is durable, at most drainTime.
func (l *lane) drain(ctx context.Context) {
	var g sync.WaitGroup
	for _, r := range l.sinks {
		if !r.isCopying() {
			g.Go(func() { r.drain(ctx, drainTime) })
		}
	}
	g.Wait()
}

// setStream sets the stream that positions are confirmed to, and its window; nil: none. From here on Confirm is allowed (I1).
func (l *lane) setStream(s capture.Stream, w *window) {
	l.mu.Lock()
	l.stream, l.window, l.confirmed = s, w, capture.Position{}
	l.mu.Unlock()
	if s != nil {
		l.confirm()
	}
}

// onDurable is called when a sink is durable up to pos.
func (l *lane) onDurable(r *sinkRunner, pos capture.Position) {
	r.setDurable(pos)
	l.mu.Lock()
	w := l.window
	l.mu.Unlock()
	if w != nil {
		w.setDurable(r.index, r.needs(pos))
		l.confirm()
	}
}

// confirm confirms to the source what is durable in every sink (I1). The stream keeps I2.
func (l *lane) confirm() {
	least := l.sinks[0].confirmable()
	for _, r := range l.sinks[1:] {
		if p := r.confirmable(); p.Before(least) {
			least = p
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stream != nil && l.confirmed.Before(least) {
		l.confirmed = least
		l.stream.Confirm(least)
	}
}

// waited records that the lane has waited for a sink, or for the source.
func (l *lane) waited(index int, d time.Duration) {
	name := "source"
	if index != source {
		name = l.sinks[index].name
	}
	l.metrics.waited.WithLabelValues(l.pipeline, name).Add(d.Seconds())
}

// finishTime is how long at most an ending pipeline waits for the permanent slot of a first start, and until the sinks have
// recorded it.
const finishTime = 1500 * time.Millisecond

// finishSnapshot has every sink record that the first copy is finished, once the stream has made the slot permanent. A sink that
// has events in flight for longer records it at the next start; so do all of them when the daemon dies before.
func (l *lane) finishSnapshot(ctx context.Context, s capture.Stream) {
	if !l.fromSnapshot {
		return
	}
	for _, r := range l.sinks {
		if r.durable().Before(capture.Position{LSN: s.Start().Flush()}) {
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
	for _, r := range l.sinks {
		g.Go(func() error { return recoverPanics(r.log, func() error { return r.recordFinished(ctx, s) }) })
	}
	if err := g.Wait(); err != nil {
		l.log.Debug("record that the copy is finished", zap.Error(err))
	}
}

// inFlight returns how many bytes are in the window, and the last confirmed position.
func (l *lane) inFlight() (bytes int64, sent capture.Position) {
	l.mu.Lock()
	w := l.window
	sent = l.confirmed
	l.mu.Unlock()
	if w != nil {
		bytes = w.size()
	}
	return bytes, sent
}

func (l *lane) closeWriters() {
	for _, r := range l.sinks {
		r.close()
	}
}
