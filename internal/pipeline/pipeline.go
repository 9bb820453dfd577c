package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// drainTime bounds how long an ending pipeline waits for what its sinks have accepted.
const drainTime = 5 * time.Second

// Config is a pipeline's parts. The pipeline owns them from New on.
type Config struct {
	Name       string
	Source     capture.Source
	SourceKind string // "postgres"
	Sinks      []SinkConfig
	Window     int64 // bytes
	FixArgs    capture.FixArgs
	Log        *zap.Logger
	Metrics    *Metrics
}

// SinkConfig is a sink of a pipeline.
type SinkConfig struct {
	Name  string
	Kind  string // "kafka"
	Sink  sink.Sink
	Chain *transform.Chain // nil passes every change on
	Begin startrule.Begin  // with a record it does nothing
}

// Pipeline is one source and its sinks.
type Pipeline struct {
	config       Config
	log          *zap.Logger
	sinks        []*delivery
	halted       chan error
	fromSnapshot bool // the stream began with all rows; of Run's goroutine

	mu    sync.Mutex
	lane  *lane // nil: no stream has passed the start rule, nothing is confirmed
	role  string
	state State
	sent  capture.Position
}

// lane is a stream that has passed the start rule, with its window.
type lane struct {
	stream capture.Stream
	window *window
}

// New makes a pipeline; it contacts nothing.
func New(c Config) *Pipeline {
	p := &Pipeline{config: c, log: c.Log.With(zap.String("pipeline", c.Name)), role: Starting, halted: make(chan error, 1)}
	p.state = State{Name: "starting", Kind: OK, Since: time.Now().UTC()}
	for i, s := range c.Sinks {
		p.sinks = append(p.sinks, &delivery{
			index: i, name: s.Name, kind: s.Kind, sink: s.Sink, chain: s.Chain, begin: s.Begin,
			log:     p.log.With(zap.String("sink", s.Name)),
			fixArgs: c.FixArgs,
			metrics: c.Metrics.sink(c.Name, s.Name),
			state:   p.state,
			report:  p.report,
			held:    p.held,
		})
	}
	for _, d := range p.sinks {
		for _, other := range p.sinks {
			_, keeps := other.sink.(sink.Reader)
			d.beside = d.beside || keeps && other != d
		}
	}
	c.Metrics.add(p)
	return p
}

// Run works until ctx ends; it then waits, bounded by 5 s, until the sinks hold what they have accepted, and returns nil.
// An error is one that no reconnection mends.
func (p *Pipeline) Run(ctx context.Context) error {
	defer p.config.Metrics.remove(p)
	defer func() {
		p.closeWriters()
		for _, d := range p.sinks {
			if err := d.sink.Close(); err != nil {
				d.log.Debug("close sink", zap.Error(err))
			}
		}
	}()
	return p.config.Source.Run(ctx, p.without, p.serve)
}

// Halted gets the first trouble that only a person can end, for a daemon that would rather end than wait.
func (p *Pipeline) Halted() <-chan error { return p.halted }

func (p *Pipeline) report(err error) {
	select {
	case p.halted <- err:
	default:
	}
}

// without takes the reason why there is no stream, from the source or at the end of serve. It runs in the source's goroutine.
func (p *Pipeline) without(err error) {
	if errors.Is(err, capture.ErrNotOurs) {
		p.standDown(err)
		return
	}
	state := stateOf(err, "source_unreachable")
	p.enter(p.role, state)
	if state.Kind == Halted {
		p.report(err)
	}
}

// standDown lets everything go: another daemon has the slot, and nothing but the slot would ever tell us.
func (p *Pipeline) standDown(err error) {
	p.closeWriters()
	p.enter(Standby, State{Name: "standby", Kind: OK, Reason: err.Error()})
}

func (p *Pipeline) closeWriters() {
	for _, d := range p.sinks {
		d.close()
	}
}

// serve works on one stream until it breaks or ctx ends.
func (p *Pipeline) serve(ctx context.Context, s capture.Stream) error {
	p.enter(Active, opening())
	for _, d := range p.sinks {
		d.warnOfLostCommits(s.Origin())
	}
	if err := p.attachTo(ctx, s); err != nil {
		return p.leave(ctx, err)
	}
	l := &lane{stream: s, window: newWindow(p.config.Window, s.Start(), len(p.sinks), p.waited)}
	// A sink without a record writes its first one where the stream begins. Where that is a copy of all rows, the first
	// record comes with the source's state in it: without, it would look like one from beyond the copy.
	if !p.fromSnapshot {
		if err := l.window.append(ctx, capture.Batch{End: s.Start(), Commit: true}); err != nil {
			return p.leave(ctx, err)
		}
	}
	for _, d := range p.sinks {
		if d.isJoining() {
			l.window.leave(d.index)
			continue
		}
		l.window.seek(d.index, d.position())
		d.mended(false)
	}
	p.enter(Active, State{Name: "streaming", Kind: OK})
	p.join(l)
	err := p.flow(ctx, l)
	if ctx.Err() != nil {
		p.drain(ctx)
	}
	p.finish(ctx, s)
	p.join(nil)
	return p.leave(ctx, err)
}

// flow moves batches until the stream or ctx ends.
func (p *Pipeline) flow(ctx context.Context, l *lane) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.broke(ctx, l.stream) })
	pump := false // while every sink is joining nothing takes batches
	for _, d := range p.sinks {
		work := func() error { return d.run(ctx, l.stream, l.window) }
		if d.isJoining() {
			work = func() error { return d.join(ctx, l.stream, p.confirm) }
		} else {
			pump = true
		}
		g.Go(func() error { return guarded(d.log, work) })
	}
	if pump {
		g.Go(func() error { return guarded(p.log, func() error { return p.pump(ctx, l) }) })
	}
	return g.Wait()
}

// broke ends the flow when the stream has ended although nobody asks it for more: the window may be full.
func (p *Pipeline) broke(ctx context.Context, s capture.Stream) error {
	select {
	case <-s.Done():
		return s.Err()
	case <-ctx.Done():
		return nil
	}
}

// pump fills the window: steps 5 and 6 of the way of one row.
func (p *Pipeline) pump(ctx context.Context, l *lane) error {
	for {
		began := time.Now()
		b, err := l.stream.Next(ctx)
		if err != nil {
			return err
		}
		if since, idle := l.window.idle(); idle {
			p.waited(source, min(time.Since(began), time.Since(since)))
		}
		for _, d := range p.sinks {
			if !d.isJoining() {
				d.expect(b)
			}
		}
		p.config.Metrics.changes.WithLabelValues(p.config.Name).Add(float64(len(b.Changes)))
		if err := l.window.append(ctx, b); err != nil {
			return err
		}
	}
}

// leave ends serve: a fenced daemon stands down, and so does one whose slot is another's. From here on the pipeline is not
// "streaming": the slot is free, and the next stream may be another daemon's.
func (p *Pipeline) leave(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, sink.ErrFenced), errors.Is(err, capture.ErrNotOurs):
		p.standDown(err)
	case errors.Is(err, capture.ErrRestart):
		p.enter(p.role, opening())
	case err != nil: // the source will report it, once the connection is closed
		p.without(err)
	}
	return err
}

func (p *Pipeline) drain(ctx context.Context) {
	var g sync.WaitGroup
	for _, d := range p.sinks {
		if !d.copies() {
			g.Go(func() { d.drain(ctx, drainTime) })
		}
	}
	g.Wait()
}

// join makes the lane the one that is confirmed to; nil: none. From here on Confirm is allowed (I1).
func (p *Pipeline) join(l *lane) {
	p.mu.Lock()
	p.lane, p.sent = l, capture.Position{}
	p.mu.Unlock()
	if l != nil {
		p.confirm()
	}
}

// held hears what a sink holds: step 10 of the way of one row.
func (p *Pipeline) held(d *delivery, pos capture.Position) {
	d.hold(pos)
	p.mu.Lock()
	l := p.lane
	p.mu.Unlock()
	if l != nil {
		l.window.hold(d.index, pos)
		p.confirm()
	}
}

// confirm tells the source what every sink holds (I1): step 11 of the way of one row. The stream keeps I2.
func (p *Pipeline) confirm() {
	least := p.sinks[0].confirmable()
	for _, d := range p.sinks[1:] {
		if h := d.confirmable(); h.Before(least) {
			least = h
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lane != nil && p.sent.Before(least) {
		p.sent = least
		p.lane.stream.Confirm(least)
	}
}

func (p *Pipeline) waited(index int, d time.Duration) {
	who := "source"
	if index != source {
		who = p.sinks[index].name
	}
	p.config.Metrics.waited.WithLabelValues(p.config.Name, who).Add(d.Seconds())
}

// enter moves the pipeline to a state; a log line is written when its name changes.
func (p *Pipeline) enter(role string, to State) {
	to.Fix = p.config.FixArgs.Complete(to.Fix)
	p.mu.Lock()
	before := p.state
	to.Since = time.Now().UTC()
	if before.Name == to.Name {
		to.Since = before.Since
	}
	p.state, p.role = to, role
	p.mu.Unlock()
	if before.Name != to.Name {
		logState(p.log, to)
	}
}
