package pipeline

import (
	"context"
	"errors"
	"sync"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

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
	config Config
	log    *zap.Logger
	lanes  []*lane // one: every source has a single lane
	halted chan error

	mu    sync.Mutex // guards what follows
	role  string
	state StateHolder
}

// New makes a pipeline; it contacts nothing.
func New(c Config) *Pipeline {
	p := &Pipeline{config: c, log: c.Log.With(zap.String("pipeline", c.Name)), role: Starting, halted: make(chan error, 1)}
	p.state.Enter(State{Name: "starting", Kind: OK})
	p.lanes = []*lane{p.newLane()}
	c.Metrics.add(p)
	return p
}

func (p *Pipeline) newLane() *lane {
	c := &p.config
	l := &lane{
		pipeline: c.Name, log: p.log, limit: c.Window, metrics: c.Metrics,
		streaming: func() { p.enter(Active, State{Name: "streaming", Kind: OK}) },
	}
	for i, s := range c.Sinks {
		l.sinks = append(l.sinks, &delivery{
			index: i, name: s.Name, kind: s.Kind, sink: s.Sink, chain: s.Chain, begin: s.Begin,
			log:     p.log.With(zap.String("sink", s.Name)),
			fixArgs: c.FixArgs,
			metrics: c.Metrics.sink(c.Name, s.Name),
			state:   p.state,
			report:  p.report,
			held:    l.held,
		})
	}
	for _, d := range l.sinks {
		for _, other := range l.sinks {
			_, keeps := other.sink.(sink.Reader)
			d.beside = d.beside || keeps && other != d
		}
	}
	return l
}

// Run works until ctx ends; it then waits, bounded by 5 s, until the sinks hold what they have accepted, and returns nil.
// An error is one that no reconnection mends.
func (p *Pipeline) Run(ctx context.Context) error {
	defer p.config.Metrics.remove(p)
	defer func() {
		p.closeWriters()
		for _, l := range p.lanes {
			for _, d := range l.sinks {
				if err := d.sink.Close(); err != nil {
					d.log.Debug("close sink", zap.Error(err))
				}
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
	for _, l := range p.lanes {
		l.closeWriters()
	}
}

// serve works on one connection to the source until it breaks or ctx ends.
func (p *Pipeline) serve(ctx context.Context, s capture.Stream) error {
	p.enter(Active, opening())
	return p.leave(ctx, p.lanes[0].serve(ctx, s))
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

// enter moves the pipeline to a state; a log line is written when its name changes.
func (p *Pipeline) enter(role string, to State) {
	to.Fix = p.config.FixArgs.Complete(to.Fix)
	p.mu.Lock()
	p.role = role
	change := p.state.Enter(to)
	p.mu.Unlock()
	if change == NewName {
		logState(p.log, to)
	}
}
