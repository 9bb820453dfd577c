package daemon

import (
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
)

// buildChain returns the steps of a sink, in their order.
func buildChain(p config.Pipeline, sink config.Block, log *zap.Logger) (*transform.Chain, error) {
	var chain []transform.Step
	for _, s := range stepsOf(p, sink) {
		settings, ok := s.Settings.(StepSettings)
		if !ok {
			return nil, fmt.Errorf("%s: %T has no method Step", s, s.Settings)
		}
		f, err := settings.Step(p.Name, sink.Name, log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
		chain = append(chain, transform.Step{Name: s.String(), Func: f})
	}
	return transform.NewChain(chain...), nil
}

// stepsOf returns the steps that a sink's changes go through: those of the pipeline, those of the sink, each in the order of the
// file, and those that no file names.
//
// A change of key is split last. The steps of the file see the update as the application made it, and a step that gives a change a
// key, a type or a payload of its own keeps it from being split.
func stepsOf(p config.Pipeline, sink config.Block) []config.Step {
	steps := slices.Concat(p.Steps, sink.Steps)
	if k, ok := sink.Settings.(KeyChanges); ok && k.KeyChanges() {
		return steps
	}
	return append(steps, config.Step{Kind: "key change", Settings: keyChange{}})
}

// keyChange is the step of every sink whose consumers identify rows by their keys: they need a delete and an insert.
type keyChange struct{}

// Step implements StepSettings.
func (keyChange) Step(string, string, *zap.Logger) (transform.Func, error) {
	return transform.SplitKeyChange, nil
}
