// Command decode is the daemon with one more kind of sink, "none", which takes all rows and drops them: what reading and
// decoding costs, with everything else of the product around it.
//
//	decode run FILE
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/daemon"
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
	if len(args) != 2 || args[0] != "run" {
		return fmt.Errorf("call it as: decode run FILE")
	}
	kinds := daemon.Kinds{
		Sources: map[string]func() daemon.SourceSettings{
			"postgres": func() daemon.SourceSettings { return postgres.NewSettings() },
		},
		Sinks: map[string]func() daemon.SinkSettings{
			"none": func() daemon.SinkSettings { return &settings{} },
		},
	}
	file, report := config.Load(args[1:], kinds.Config(), config.Options{})
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
