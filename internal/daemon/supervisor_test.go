package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline"
)

// scripted is a pipeline whose Run is a function.
type scripted struct {
	run    func(context.Context) error
	halted chan error
}

func (s *scripted) Run(ctx context.Context) error { return s.run(ctx) }
func (s *scripted) Halted() <-chan error          { return s.halted }

func (s *scripted) End(context.Context) (capture.LSN, error) { return 0, errors.New("no source") }

func (s *scripted) Status() pipeline.Status {
	return pipeline.Status{State: pipeline.State{Name: "streaming", Kind: pipeline.OK}}
}

func untilTheEnd(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// supervise makes a supervisor that runs one of the runs per attempt, the last one forever.
func supervise(name string, log *zap.Logger, runs ...func(context.Context) error) *supervisor {
	s := newSupervisor(config.Pipeline{
		Name: name, Source: config.Block{Kind: "scripted"}, Sinks: []config.Block{{Kind: "none", Name: "out"}},
	}, log)
	attempt := -1
	s.build = func(context.Context) (runner, error) {
		attempt = min(attempt+1, len(runs)-1)
		return &scripted{run: runs[attempt], halted: make(chan error, 1)}, nil
	}
	return s
}

func panics(context.Context) error { panic("one row") }

// start runs a daemon of supervisors and returns how to end it.
func start(t *testing.T, d *daemon) (end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx) }()
	synctest.Wait()
	return func() error { cancel(); return <-ended }
}

func TestAPanicHaltsOnePipelineAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{log: zap.NewNop(), supervisors: []*supervisor{
			supervise("broken", zap.NewNop(), panics, untilTheEnd), supervise("fine", zap.NewNop(), untilTheEnd),
		}}
		end := start(t, d)
		list := d.Statuses()
		broken, fine := list[0].State, list[1].State
		if broken.Name != "panic" || broken.Kind != pipeline.Halted || !strings.Contains(broken.Reason, "one row") {
			t.Errorf("broken is %+v", broken)
		}
		if fine.Name != "streaming" {
			t.Errorf("fine is %+v", fine)
		}
		if got := list[0]; got.Name != "broken" || got.Source.Kind != "scripted" || len(got.Sinks) != 1 || got.Sinks[0].Name != "out" {
			t.Errorf("while it does not run the status is %+v", got)
		}
		time.Sleep(capture.HaltedRetryInterval)
		synctest.Wait()
		if s := d.Statuses()[0].State; s.Name != "streaming" {
			t.Errorf("10 s later it is %+v", s)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnErrorOfRunIsANamedState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.ErrorLevel)
		problem := &capture.Problem{State: "slot_lost", Reason: "the slot is gone", Fix: "drop it", Err: errors.New("42704")}
		d := &daemon{log: zap.NewNop(), supervisors: []*supervisor{
			supervise("orders", zap.New(core), func(context.Context) error { return problem }),
		}}
		end := start(t, d)
		first := d.Statuses()[0].State
		if first.Name != "slot_lost" || first.Reason != "the slot is gone: 42704" || first.Fix != "drop it" {
			t.Errorf("%+v", first)
		}
		time.Sleep(3*capture.HaltedRetryInterval + time.Second)
		synctest.Wait()
		if again := d.Statuses()[0].State; !again.Since.Equal(first.Since) {
			t.Errorf("Since has changed although the error has not: %s, then %s", first.Since, again.Since)
		}
		if n := logs.Len(); n != 1 {
			t.Errorf("%d log lines for one state", n)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestAPipelineThatEndsByItselfIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{log: zap.NewNop(), supervisors: []*supervisor{
			supervise("orders", zap.NewNop(), func(context.Context) error { return nil }, untilTheEnd),
		}}
		end := start(t, d)
		if s := d.Statuses()[0].State; s.Name != "failed" || s.Kind != pipeline.Halted {
			t.Errorf("%+v", s)
		}
		time.Sleep(capture.HaltedRetryInterval)
		synctest.Wait()
		if s := d.Statuses()[0].State; s.Name != "streaming" {
			t.Errorf("%+v", s)
		}
		end()
	})
}

func TestStrictEndsWithTheFirstTrouble(t *testing.T) {
	problem := &capture.Problem{State: "topic_missing", Halted: true, Usage: true}
	for _, strict := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			halts := newSupervisor(config.Pipeline{Name: "halts"}, zap.NewNop())
			halts.build = func(context.Context) (runner, error) {
				halted := make(chan error, 1)
				halted <- problem // while the pipeline runs on, and retries
				return &scripted{run: untilTheEnd, halted: halted}, nil
			}
			drained := false
			fine := supervise("fine", zap.NewNop(), func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second)
				drained = true
				return nil
			})
			d := &daemon{log: zap.NewNop(), strict: strict, supervisors: []*supervisor{halts, fine}}
			end := start(t, d)
			if strict {
				time.Sleep(2 * time.Second) // it has ended by itself
			} else if drained {
				t.Error("it ended without being strict")
			}
			err := end()
			if strict != errors.Is(err, problem) {
				t.Errorf("strict %v: %v", strict, err)
			}
			if !drained {
				t.Error("the other pipeline was not drained")
			}
		})
	}
}

func TestStrictEndsWhenAPipelineCannotBeBuilt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong := errors.New("no such certificate")
		s := newSupervisor(config.Pipeline{Name: "orders"}, zap.NewNop())
		s.build = func(context.Context) (runner, error) { return nil, wrong }
		d := &daemon{log: zap.NewNop(), strict: true, supervisors: []*supervisor{s}}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := d.run(ctx); !errors.Is(err, wrong) {
			t.Errorf("got %v", err)
		}
	})
}

func TestADrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d := &daemon{log: zap.NewNop(), supervisors: []*supervisor{
			supervise("stuck", zap.NewNop(), func(context.Context) error { <-release; return nil }),
		}}
		end := start(t, d)
		began := time.Now()
		if err := end(); err != nil {
			t.Errorf("SIGTERM ends with exit code 0, not with %v", err)
		}
		if took := time.Since(began); took != drainTime {
			t.Errorf("it took %s", took)
		}
		close(release)
	})
}

// walled is a source that knows the end of its WAL.
type walled struct{ capture.Source }

func (walled) WALEnd(context.Context) (capture.LSN, error) { return 42, nil }

func TestEndOfWAL(t *testing.T) {
	s := newSupervisor(config.Pipeline{Name: "orders", Source: config.Block{Kind: "postgres"}}, zap.NewNop())
	d := &daemon{supervisors: []*supervisor{s}}
	ask := func() (capture.LSN, error) { return d.End(context.Background(), "orders") }
	if _, err := ask(); err == nil || !strings.Contains(err.Error(), "does not run: starting") {
		t.Errorf("while it does not run: %v", err)
	}
	of := func(source capture.Source) runner {
		return pipeline.New(pipeline.Config{
			Name: "orders", Source: source, SourceKind: "postgres", Log: zap.NewNop(), Metrics: pipeline.NewMetrics(prometheus.NewRegistry()),
		})
	}
	s.set(of(walled{}))
	if end, err := ask(); end != 42 || err != nil {
		t.Errorf("%v %v", end, err)
	}
	s.set(of(struct{ capture.Source }{}))
	if _, err := ask(); err == nil || !strings.Contains(err.Error(), "no write-ahead log") {
		t.Errorf("of a source without: %v", err)
	}
	if _, err := d.End(context.Background(), "other"); err == nil {
		t.Error("there is no such pipeline")
	}
}
