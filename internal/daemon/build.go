package daemon

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// build returns the pipeline of a block. It reads the shapes of the source's tables if a step is checked against them, and contacts no
// server otherwise.
func build(
	ctx context.Context, b config.Pipeline, fix capture.FixArgs, window int64, taps rings, m *pipeline.Metrics, log *zap.Logger,
) (runner, error) {
	named := log.With(zap.String("pipeline", b.Name)) // package pipeline adds the name to its log itself
	settings, ok := b.Source.Settings.(SourceSettings)
	if !ok {
		return nil, fmt.Errorf("source %q: %T has no method Source", b.Source.Kind, b.Source.Settings)
	}
	source, err := settings.Source(b.Name, named)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", b.Source.Kind, err)
	}
	c := pipeline.Config{
		Name: b.Name, Source: source, SourceKind: b.Source.Kind, Window: window, Log: log, Metrics: m, FixArgs: fix,
	}
	tables, err := startTables(ctx, b, named)
	if err != nil {
		return nil, err
	}
	if c.Masks, err = buildMasks(b, tables, named); err != nil {
		return nil, err
	}
	for _, block := range b.Sinks {
		s, err := buildSink(b, block, tables, named)
		if err != nil {
			return nil, err
		}
		if user, uses := s.Sink.(sink.SourceUser); uses {
			user.UseSource(source)
		}
		s.Tap = taps.tap(block.Name)
		c.Sinks = append(c.Sinks, s)
	}
	return pipeline.New(c), nil
}

func buildSink(p config.Pipeline, b config.Block, tables []*capture.Table, log *zap.Logger) (pipeline.SinkConfig, error) {
	settings, ok := b.Settings.(SinkSettings)
	if !ok {
		return pipeline.SinkConfig{}, fmt.Errorf("sink %q %q: %T has no method Sink", b.Kind, b.Name, b.Settings)
	}
	s, err := settings.Sink(p.Name, b.Name, log.With(zap.String("sink", b.Name)))
	if err != nil {
		return pipeline.SinkConfig{}, fmt.Errorf("sink %q %q: %w", b.Kind, b.Name, err)
	}
	steps := stepsOf(p, b)
	site := siteOf(p, b, tables)
	cleanup, err := buildCleanup(p, steps, log.With(zap.String("sink", b.Name)))
	if err != nil {
		return pipeline.SinkConfig{}, fmt.Errorf("sink %q %q: %w", b.Kind, b.Name, err)
	}
	if cleanup != nil {
		site.Delete = cleanup.Add
	}
	chain, err := buildChain(p, b, site, log)
	if err != nil {
		return pipeline.SinkConfig{}, fmt.Errorf("sink %q %q: %w", b.Kind, b.Name, err)
	}
	masks, err := buildMasks(p, tables, log)
	if err != nil {
		return pipeline.SinkConfig{}, err
	}
	return pipeline.SinkConfig{
		Name: b.Name, Kind: b.Kind, Sink: s, Masks: masks, Chain: chain, Rules: site.Rules, Cleanup: cleanup,
		Messages: readsMessages(steps), Begin: begin(p, b),
	}, nil
}

// siteOf returns where the steps of a sink act, with new counters of its rules.
func siteOf(p config.Pipeline, sink config.Block, tables []*capture.Table) transform.Site {
	site := transform.Site{Pipeline: p.Name, Sink: sink.Name, Rules: &transform.Rules{}, Tables: tables}
	if f, is := sink.Settings.(NumericFormatter); is {
		site.NumericAsNumber = f.NumericAsNumber()
	}
	return site
}
