package main

import (
	"context"
	"flag"
	"os"

	"github.com/tailrace/tailrace/internal/daemon"
)

func runVerb() *verb {
	return &verb{
		name:    "run",
		args:    "[-strict] PATH...",
		summary: "run the pipelines of the files until SIGTERM",
		text: `Only files that fail the offline check are refused. A pipeline with a problem halts with a named state and a fix,
is retried every 10 s, and stops no other pipeline. SIGTERM drains and ends within 10 s; a second one ends at once.`,
		examples: `  tailrace run /etc/tailrace
  tailrace run -strict -log-level debug orders.hcl`,
		setup: setupRun,
	}
}

func setupRun(flags *flag.FlagSet) action {
	strict := flags.Bool("strict", false, "end when the live check fails, or when a pipeline halts later")
	format := flags.String("log-format", "", "`FORMAT` of the log: json or console (default: console on a terminal)")
	level := flags.String("log-level", "info", "`LEVEL` of the log: debug, info, warn or error")
	return func(ctx context.Context, a *app, args []string) error {
		log, err := newLogger(os.Stderr, *format, *level)
		if err != nil {
			return err
		}
		defer log.Sync()
		file, report, err := load(a, args, false)
		if err != nil {
			return err
		}
		if *strict {
			if err := liveCheck(ctx, a, file, report); err != nil {
				return err
			}
		}
		printAll(a, report)
		return daemon.Run(ctx, daemon.Options{File: file, Log: log, Version: build().Version, Strict: *strict})
	}
}
