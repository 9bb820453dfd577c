package main

import (
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/internal/daemon"
	"github.com/tailrace/tailrace/sink/kafka"
	replica "github.com/tailrace/tailrace/sink/postgres"
	"github.com/tailrace/tailrace/sink/redis"
	"github.com/tailrace/tailrace/sink/stdout"
	"github.com/tailrace/tailrace/transform/aggregate"
	"github.com/tailrace/tailrace/transform/changes"
	"github.com/tailrace/tailrace/transform/event"
	"github.com/tailrace/tailrace/transform/filter"
	"github.com/tailrace/tailrace/transform/invalidate"
	"github.com/tailrace/tailrace/transform/mask"
	"github.com/tailrace/tailrace/transform/messages"
	"github.com/tailrace/tailrace/transform/outbox"
	"github.com/tailrace/tailrace/transform/refresh"
)

var (
	publishers = []string{"kafka", "stdout"} // the types of sinks that publish events
	everySink  = []string{"kafka", "postgres", "redis", "stdout"}
	caches     = []string{"redis"}
)

// kinds is the table of the sources, sinks and steps that a pipeline file may name: a new one is one line here.
func kinds() daemon.Kinds {
	return daemon.Kinds{
		Sources: map[string]func() daemon.SourceSettings{
			"postgres": func() daemon.SourceSettings { return postgres.NewSettings() },
		},
		Sinks: map[string]func() daemon.SinkSettings{
			"kafka":    func() daemon.SinkSettings { return kafka.NewSettings() },
			"postgres": func() daemon.SinkSettings { return replica.NewSettings() },
			"redis":    func() daemon.SinkSettings { return redis.NewSettings() },
			"stdout":   func() daemon.SinkSettings { return stdout.NewSettings() },
		},
		Steps: map[string]daemon.StepKind{
			"aggregate":  {Settings: func() daemon.StepSettings { return aggregate.NewSettings() }, Sinks: publishers},
			"changes":    {Settings: func() daemon.StepSettings { return &changes.Settings{} }, Sinks: publishers},
			"event":      {Settings: func() daemon.StepSettings { return &event.Settings{} }, Sinks: publishers},
			"filter":     {Settings: func() daemon.StepSettings { return &filter.Settings{} }, Pipeline: true, Sinks: everySink},
			"mask":       {Settings: func() daemon.StepSettings { return &mask.Settings{} }, Pipeline: true, Sinks: everySink},
			"invalidate": {Settings: func() daemon.StepSettings { return &invalidate.Settings{} }, Sinks: caches},
			"messages":   {Settings: func() daemon.StepSettings { return &messages.Settings{} }, Sinks: publishers},
			"outbox":     {Settings: func() daemon.StepSettings { return outbox.NewSettings() }, Sinks: publishers},
			"refresh":    {Settings: func() daemon.StepSettings { return refresh.NewSettings() }, Sinks: caches},
		},
	}
}
