package daemon

import (
	"context"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/trace"
)

// buildChain returns the steps of a sink, in their order.
func buildChain(p config.Pipeline, sink config.Block, site transform.Site, log *zap.Logger) (*transform.Chain, error) {
	var chain []transform.Step
	for steps := stepsOf(p, sink); len(steps) > 0; {
		run := sameKind(steps)
		step, n, err := buildStep(site, run, log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", run[0], err)
		}
		if step.Name = run[0].String(); n > 1 {
			step.Name = fmt.Sprintf("%d %s blocks", n, run[0].Kind)
		}
		chain = append(chain, step)
		steps = steps[n:]
	}
	return transform.NewChain(chain...), nil
}

// sameKind returns the steps at the beginning of steps that are of one kind.
func sameKind(steps []config.Step) []config.Step {
	n := 1
	for n < len(steps) && steps[n].Kind == steps[0].Kind {
		n++
	}
	return steps[:n]
}

// buildStep builds the first step of run, or all of run where the kind can. n is how many it has built.
func buildStep(site transform.Site, run []config.Step, log *zap.Logger) (s transform.Step, n int, err error) {
	switch settings := run[0].Settings.(type) {
	case Collector:
		s, err = settings.Collect(site, log)
		return s, 1, err
	case Fuser:
		s.Func, err = settings.Fuse(site, run, log)
		return s, len(run), err
	case StepSettings:
		s.Func, err = settings.Step(site, log)
		return s, 1, err
	}
	return s, 0, fmt.Errorf("%T has no method Step", run[0].Settings)
}

// stepsOf returns the steps that a sink's changes go through: those of the pipeline, those of the sink, each in the order of the
// file, and those that no file names.
//
// A step that makes events passes the change on, so that the next one sees it too. The changes that no changes block admits are
// dropped after the steps of the file. A change of key is split last. The steps of the file see the update as the application made
// it, and a step that gives a change a key, a type or a payload of its own keeps it from being split. The same step adds the headers
// of a trace, which costs a change of a transaction without annotations nothing.
func stepsOf(p config.Pipeline, sink config.Block) []config.Step {
	steps := slices.Concat(slices.DeleteFunc(slices.Clone(p.Steps), isMask), sink.Steps)
	if publishes(steps) {
		steps = append(steps, config.Step{Kind: "plain changes", Settings: plainChanges{steps}})
	}
	k, can := sink.Settings.(KeyChanges)
	last := keyChange{whole: can && k.KeyChanges()}
	if h, can := sink.Settings.(Headers); can {
		last.traced = h.TakesHeaders()
	}
	if last.whole && !last.traced {
		return steps
	}
	return append(steps, config.Step{Kind: "key change", Settings: last})
}

// isMask reports whether a step of a pipeline acts before the window.
func isMask(s config.Step) bool {
	_, is := s.Settings.(Masker)
	return is
}

// buildMasks returns the masks of a pipeline, which act before the window.
func buildMasks(p config.Pipeline, tables []*capture.Table, log *zap.Logger) ([]transform.RowMask, error) {
	var masks []transform.RowMask
	for _, s := range p.Steps {
		m, is := s.Settings.(Masker)
		if !is {
			continue
		}
		mask, err := m.Mask(transform.Site{Pipeline: p.Name, Tables: tables}, log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
		masks = append(masks, mask)
	}
	return masks, nil
}

// publishes reports whether a step makes events of its own, or defines which changes are published.
func publishes(steps []config.Step) bool {
	return slices.ContainsFunc(steps, func(s config.Step) bool {
		p, can := s.Settings.(Publisher)
		return can && p.Publishes()
	})
}

// readsMessages reports whether a step turns logical messages into events.
func readsMessages(steps []config.Step) bool {
	return slices.ContainsFunc(steps, func(s config.Step) bool {
		m, can := s.Settings.(MessageReader)
		return can && m.ReadsMessages()
	})
}

// buildCleanup returns what deletes rows from the source for the steps of a sink; nil when none of them deletes rows.
func buildCleanup(p config.Pipeline, steps []config.Step, log *zap.Logger) (*pipeline.Cleanup, error) {
	if !slices.ContainsFunc(steps, func(s config.Step) bool {
		d, can := s.Settings.(Deleter)
		return can && d.Deletes()
	}) {
		return nil, nil
	}
	source, can := p.Source.Settings.(RowDeleter)
	if !can {
		return nil, fmt.Errorf("rows cannot be deleted from a source of type %q", p.Source.Kind)
	}
	return pipeline.NewCleanup(func(ctx context.Context, t *capture.Table, keys [][]string) error {
		return source.DeleteRows(ctx, p.Name, t, keys)
	}, log), nil
}

// plainChanges is the step that drops the changes that no block has turned into events and no changes block admits.
type plainChanges struct{ steps []config.Step }

// Step implements StepSettings.
func (p plainChanges) Step(transform.Site, *zap.Logger) (transform.Func, error) {
	var admit []func(schema, table string) bool
	for _, s := range p.steps {
		if a, can := s.Settings.(Admitter); can {
			admit = append(admit, a.Admits)
		}
	}
	return transform.DropPlain(func(schema, table string) bool {
		return slices.ContainsFunc(admit, func(admits func(schema, table string) bool) bool { return admits(schema, table) })
	}), nil
}

// keyChange is the last step of a chain. Consumers that identify rows by their keys need a change of key as a delete and an insert.
type keyChange struct {
	whole  bool // the sink takes a change of key as one update
	traced bool // the sink takes headers
}

// Step implements StepSettings.
func (k keyChange) Step(transform.Site, *zap.Logger) (transform.Func, error) {
	last := transform.SplitKeyChange
	if k.whole {
		last = func(dst []transform.Event, e transform.Event) ([]transform.Event, error) { return append(dst, e), nil }
	}
	if k.traced {
		return trace.Step(last), nil
	}
	return last, nil
}
