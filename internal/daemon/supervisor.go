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

// runner is what a supervisor runs: a *pipeline.Pipeline.
type runner interface {
	Run(ctx context.Context) error
	Status() pipeline.Status
	End(ctx context.Context) (capture.LSN, error)
	Halted() <-chan error
}

// supervisor keeps one pipeline running. It never gives up, and nothing that happens in it affects another pipeline. A pipeline
// recovers from its own errors; the supervisor starts it again after an error of Run or a panic.
type supervisor struct {
	block config.Pipeline
	fix   capture.FixArgs
	rings rings
	build func(context.Context) (runner, error)
	log   *zap.Logger

	mu     sync.Mutex           // guards what follows
	runner runner               // nil while none runs
	state  pipeline.StateHolder // while none runs: why
}

func newSupervisor(block config.Pipeline, log *zap.Logger) *supervisor {
	s := &supervisor{block: block, log: log}
	s.state.Enter(pipeline.State{Name: pipeline.Starting, Kind: pipeline.OK})
	return s
}

// run runs the pipeline until ctx ends. It sends what halts the pipeline to problems, if there is room: only the first one counts.
func (s *supervisor) run(ctx context.Context, problems chan<- error) {
	for {
		err := s.fix.Error(s.attempt(ctx, problems))
		if ctx.Err() != nil {
			return
		}
		s.setHalted(err)
		sendFirst(problems, err)
		if capture.Sleep(ctx, capture.HaltedRetryInterval) != nil {
			return
		}
	}
}

// attempt builds the pipeline and runs it once. A panic becomes a named error; what the attempt left running elsewhere ends with
// its context, and can write nothing after the next Open (I8).
func (s *supervisor) attempt(ctx context.Context, problems chan<- error) (err error) {
	ctx, end := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer func() { end(); watch.Wait() }()
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("panic", zap.Any("value", v), zap.Stack("stack"))
			err = capture.Panicked("the pipeline", v)
		}
	}()
	l, err := s.build(ctx)
	if err != nil {
		return fmt.Errorf("build pipeline %s: %w", s.block.Name, err)
	}
	s.set(l)
	watch.Go(func() {
		select {
		case err := <-l.Halted():
			sendFirst(problems, s.fix.Error(err))
		case <-ctx.Done():
		}
	})
	if err := l.Run(ctx); err != nil {
		return err
	}
	return errors.New("the pipeline ended by itself")
}

// sendFirst sends err unless an earlier one is still waiting to be received.
func sendFirst(problems chan<- error, err error) {
	select {
	case problems <- err:
	default:
	}
}

func (s *supervisor) set(l runner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runner = l
}

// setHalted records why the pipeline does not run. The same error after another attempt is not logged again and keeps its Since.
func (s *supervisor) setHalted(err error) {
	now := pipeline.State{Name: "failed", Kind: pipeline.Halted, Reason: err.Error()}
	if p := capture.AsProblem(err); p != nil {
		now.Name, now.Fix = p.State, p.Fix
		now.Reason = strings.TrimPrefix(p.Error(), p.State+": ")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runner = nil
	if s.state.Enter(now) == pipeline.Same {
		return
	}
	fix := zap.Skip()
	if now.Fix != "" {
		fix = zap.String("fix", now.Fix)
	}
	s.log.Error("halted", zap.String("state", now.Name), zap.String("reason", now.Reason), fix)
}

// stopped reports whether the pipeline does not run, and why.
func (s *supervisor) stopped() (pipeline.State, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Now(), s.runner == nil
}

// status returns the pipeline's status. Any goroutine may call it.
func (s *supervisor) status() pipeline.Status {
	s.mu.Lock()
	l, state := s.runner, s.state.Now()
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

// walEnd asks the source for the current end of its WAL.
func (s *supervisor) walEnd(ctx context.Context) (capture.LSN, error) {
	s.mu.Lock()
	r, state := s.runner, s.state.Now()
	s.mu.Unlock()
	if r == nil {
		return 0, fmt.Errorf("pipeline %s does not run: %s: %s", s.block.Name, state.Name, state.Reason)
	}
	return r.End(ctx)
}
