package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline"
)

// line is what a supervisor supervises: *pipeline.Pipeline.
type line interface {
	Run(ctx context.Context) error
	Status() pipeline.Status
	Halted() <-chan error
}

// supervisor keeps one pipeline running. It never gives up, and nothing that happens in it reaches another pipeline. A
// pipeline mends its own trouble; the supervisor sees to what ends one: an error of Run, or a panic.
type supervisor struct {
	block config.Pipeline
	fix   capture.FixArgs
	build func() (line, capture.Source, error)
	log   *zap.Logger

	mu     sync.Mutex
	line   line                 // nil while none runs
	source capture.Source       // the line's
	state  pipeline.StateHolder // while none runs: why
}

func newSupervisor(block config.Pipeline, log *zap.Logger) *supervisor {
	s := &supervisor{block: block, log: log}
	s.state.Enter(pipeline.State{Name: pipeline.Starting, Kind: pipeline.OK})
	return s
}

// run runs the pipeline until ctx ends. What halts it goes to troubles, where there is room: who listens wants the first.
func (s *supervisor) run(ctx context.Context, troubles chan<- error) {
	for {
		err := s.fix.Error(s.attempt(ctx, troubles))
		if ctx.Err() != nil {
			return
		}
		s.halt(err)
		tell(troubles, err)
		if capture.Sleep(ctx, capture.LookAgain) != nil {
			return
		}
	}
}

// attempt builds the pipeline and runs it once. A panic becomes an error with a name; what the attempt left running
// elsewhere ends with its own context, and can write nothing after the next Open (I8).
func (s *supervisor) attempt(ctx context.Context, troubles chan<- error) (err error) {
	ctx, end := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer func() { end(); watch.Wait() }()
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("panic", zap.Any("value", v), zap.Stack("stack"))
			err = capture.Panicked("the pipeline", v)
		}
	}()
	l, source, err := s.build()
	if err != nil {
		return fmt.Errorf("build pipeline %s: %w", s.block.Name, err)
	}
	s.set(l, source)
	watch.Go(func() {
		select {
		case err := <-l.Halted():
			tell(troubles, s.fix.Error(err))
		case <-ctx.Done():
		}
	})
	if err := l.Run(ctx); err != nil {
		return err
	}
	return errors.New("the pipeline ended without being told to")
}

func tell(troubles chan<- error, err error) {
	select {
	case troubles <- err:
	default:
	}
}

func (s *supervisor) set(l line, source capture.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line, s.source = l, source
}

// halt records why no line runs. The same trouble again, after another attempt, is neither news nor younger.
func (s *supervisor) halt(err error) {
	now := pipeline.State{Name: "failed", Kind: pipeline.Halted, Reason: err.Error()}
	if p := capture.AsProblem(err); p != nil {
		now.Name, now.Fix = p.State, p.Fix
		now.Reason = strings.TrimPrefix(p.Error(), p.State+": ")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line, s.source = nil, nil
	if s.state.Enter(now) == pipeline.Same {
		return
	}
	fix := zap.Skip()
	if now.Fix != "" {
		fix = zap.String("fix", now.Fix)
	}
	s.log.Error("halted", zap.String("state", now.Name), zap.String("reason", now.Reason), fix)
}

// resting says that no line runs, and why.
func (s *supervisor) resting() (pipeline.State, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Now(), s.line == nil
}

// status may be called by any goroutine.
func (s *supervisor) status() pipeline.Status {
	s.mu.Lock()
	l, state := s.line, s.state.Now()
	s.mu.Unlock()
	if l != nil {
		return l.Status()
	}
	st := pipeline.Status{
		Name: s.block.Name, Role: pipeline.Starting, State: state,
		Source: pipeline.SourceStatus{Kind: s.block.Source.Kind, Retained: -1, Safe: -1, LostIn: -1, Unpublished: -1},
		Sinks:  []pipeline.SinkStatus{},
	}
	idle := pipeline.State{Name: pipeline.Starting, Kind: pipeline.OK, Since: state.Since}
	for _, b := range s.block.Sinks {
		st.Sinks = append(st.Sinks, pipeline.SinkStatus{Name: b.Name, Kind: b.Kind, State: idle, LagBytes: -1})
	}
	return st
}

// end asks the source where its WAL ends now.
func (s *supervisor) end(ctx context.Context) (capture.LSN, error) {
	s.mu.Lock()
	source, state := s.source, s.state.Now()
	s.mu.Unlock()
	if source == nil {
		return 0, fmt.Errorf("pipeline %s does not run: %s: %s", s.block.Name, state.Name, state.Reason)
	}
	asked, ok := source.(WALEnd)
	if !ok {
		return 0, fmt.Errorf("a source of kind %q has no write-ahead log to ask for its end", s.block.Source.Kind)
	}
	return asked.WALEnd(ctx)
}
