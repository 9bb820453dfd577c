package main

import (
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/internal/daemon"
	"github.com/tailrace/tailrace/sink/kafka"
	replica "github.com/tailrace/tailrace/sink/postgres"
	"github.com/tailrace/tailrace/sink/stdout"
	"github.com/tailrace/tailrace/transform/messages"
	"github.com/tailrace/tailrace/transform/outbox"
)

// publishers are the types of sinks that publish events.
var publishers = []string{"kafka", "stdout"}

// kinds is the table of the sources, sinks and steps that a pipeline file may name: a new one is one line here.
func kinds() daemon.Kinds {
	return daemon.Kinds{
		Sources: map[string]func() daemon.SourceSettings{
			"postgres": func() daemon.SourceSettings { return postgres.NewSettings() },
		},
		Sinks: map[string]func() daemon.SinkSettings{
			"kafka":    func() daemon.SinkSettings { return &kafka.Settings{} },
			"postgres": func() daemon.SinkSettings { return &replica.Settings{} },
			"stdout":   func() daemon.SinkSettings { return &stdout.Settings{} },
		},
		Steps: map[string]daemon.StepKind{
			"messages": {Settings: func() daemon.StepSettings { return &messages.Settings{} }, Sinks: publishers},
			"outbox":   {Settings: func() daemon.StepSettings { return outbox.NewSettings() }, Sinks: publishers},
		},
	}
}
