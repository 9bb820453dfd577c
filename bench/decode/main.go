// Command decode is the daemon with one more type of sink, "none", which accepts all rows and drops them. It measures what
// reading and decoding cost with the rest of the product around them. It can also write a CPU profile of itself, with any sink.
//
//	decode run FILE [PROFILE]
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/daemon"
	"github.com/tailrace/tailrace/sink/kafka"
	replica "github.com/tailrace/tailrace/sink/postgres"
	"github.com/tailrace/tailrace/sink/stdout"
	"github.com/tailrace/tailrace/transform/event"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "decode:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 || len(args) > 3 || args[0] != "run" {
		return fmt.Errorf("call it as: decode run FILE [PROFILE]")
	}
	if len(args) == 3 {
		profile, err := os.Create(args[2])
		if err != nil {
			return fmt.Errorf("create profile: %w", err)
		}
		defer profile.Close()
		if err := pprof.StartCPUProfile(profile); err != nil {
			return fmt.Errorf("start profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	kinds := daemon.Kinds{
		Sources: map[string]func() daemon.SourceSettings{
			"postgres": func() daemon.SourceSettings { return postgres.NewSettings() },
		},
		Sinks: map[string]func() daemon.SinkSettings{
			"kafka":    func() daemon.SinkSettings { return &kafka.Settings{} },
			"none":     func() daemon.SinkSettings { return &settings{} },
			"postgres": func() daemon.SinkSettings { return &replica.Settings{} },
			"stdout":   func() daemon.SinkSettings { return &stdout.Settings{} },
		},
		Steps: map[string]daemon.StepKind{
			"event": {Settings: func() daemon.StepSettings { return &event.Settings{} }, Sinks: []string{"kafka", "none", "stdout"}},
		},
	}
	file, report := config.Load(args[1:2], kinds.Config(), config.Options{})
	if report.HasErrors() {
		report.Write(os.Stderr, false)
		return fmt.Errorf("the file has errors")
	}
	log, err := zap.NewProduction()
	if err != nil {
		return err
	}
	return daemon.Run(ctx, daemon.Options{File: file, Log: log, Version: "bench"})
}
