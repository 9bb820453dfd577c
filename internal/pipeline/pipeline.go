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

// Config is the parts of a pipeline, which owns them from New on.
type Config struct {
	Name       string
	Source     capture.Source
	SourceKind string // "postgres"
	Sinks      []SinkConfig
	Masks      []transform.RowMask // of the stream's changes, in order
	Window     int64               // bytes
	FixArgs    capture.FixArgs
	Log        *zap.Logger
	Metrics    *Metrics
}

// SinkConfig is a sink of a pipeline.
type SinkConfig struct {
	Name  string
	Kind  string // "kafka"
	Sink  sink.Sink
	Masks []transform.RowMask // those of the Config once more, for the copy of rows of a sink that joins
	Chain *transform.Chain    // nil passes every change through
	Rules *transform.Rules    // the counters of the chain's rules; nil: it has none
	Begin startrule.Begin     // for a sink that has no record
	// Cleanup deletes rows from the source whose events are durable in the sink; nil: no step of the chain wants that.
	Cleanup *Cleanup
	// Tap watches what the sink accepts and rejects; nil: nothing does.
	Tap Tap
	// Messages: the chain turns logical messages into events. Without it, the sink gets none.
	Messages bool
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

// New returns a pipeline; it contacts no server.
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
		pipeline: c.Name, log: p.log, masks: c.Masks, windowLimit: c.Window, metrics: c.Metrics,
		onStreaming: func() { p.enter(Active, State{Name: "streaming", Kind: OK}) },
	}
	for i, s := range c.Sinks {
		l.sinks = append(l.sinks, &sinkRunner{
			index: i, name: s.Name, kind: s.Kind, sink: s.Sink, masks: s.Masks, chain: s.Chain, messages: s.Messages, begin: s.Begin,
			cleanup:   s.Cleanup,
			tap:       s.Tap,
			log:       p.log.With(zap.String("sink", s.Name)),
			fixArgs:   c.FixArgs,
			metrics:   c.Metrics.sink(c.Name, s.Name),
			state:     p.state,
			report:    p.reportHalt,
			onDurable: l.onDurable,
		})
	}
	for _, r := range l.sinks {
		for _, other := range l.sinks {
			_, keeps := other.sink.(sink.Reader)
			r.othersKeepRecord = r.othersKeepRecord || keeps && other != r
		}
	}
	return l
}

// Run runs the pipeline until ctx ends; it then waits, for at most 5 s, until what the sinks have accepted is durable, and returns
// nil. An error is one that a reconnection does not solve.
func (p *Pipeline) Run(ctx context.Context) error {
	defer p.config.Metrics.remove(p)
	defer func() {
		p.closeWriters()
		for _, l := range p.lanes {
			for _, r := range l.sinks {
				if err := r.sink.Close(); err != nil {
					r.log.Debug("close sink", zap.Error(err))
				}
			}
		}
	}()
	return p.config.Source.Run(ctx, p.onNoStream, p.serve)
}

// Halted returns a channel that gets the first halting error, for a daemon that ends instead of waiting for an operator.
func (p *Pipeline) Halted() <-chan error { return p.halted }

func (p *Pipeline) reportHalt(err error) {
	select {
	case p.halted <- err:
	default:
	}
}

// onNoStream is called with the reason why there is no stream, by the source or at the end of serve. It runs in the source's
// goroutine.
func (p *Pipeline) onNoStream(err error) {
	if errors.Is(err, capture.ErrSlotInUse) {
		p.standDown(err)
		return
	}
	state := stateOf(err, "source_unreachable")
	p.enter(p.role, state)
	if state.Kind == Halted {
		p.reportHalt(err)
	}
}

// standDown closes every writer and enters the role Standby: another daemon has the slot.
func (p *Pipeline) standDown(err error) {
	p.closeWriters()
	p.enter(Standby, State{Name: "standby", Kind: OK, Reason: err.Error()})
}

func (p *Pipeline) closeWriters() {
	for _, l := range p.lanes {
		l.closeWriters()
	}
}

// serve runs the lane on one connection to the source until that breaks or ctx ends.
func (p *Pipeline) serve(ctx context.Context, s capture.Stream) error {
	p.enter(Active, opening())
	return p.endStream(ctx, p.lanes[0].serve(ctx, s))
}

// endStream ends serve: a daemon that was fenced, or whose slot another daemon has, stands down. From here on the pipeline is not
// "streaming": the slot is free, and the next stream may be that of another daemon.
func (p *Pipeline) endStream(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, sink.ErrFenced), errors.Is(err, capture.ErrSlotInUse):
		p.standDown(err)
	case errors.Is(err, capture.ErrRestart):
		p.enter(p.role, opening())
	case err != nil: // the source reports it too, once the connection is closed
		p.onNoStream(err)
	}
	return err
}

// enter moves the pipeline to a state and logs it when its name changes.
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
