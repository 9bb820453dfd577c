package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/tailrace/tailrace/config"
)

// change is a verb that changes what a pipeline has recorded: it lists what it would do, asks, and does it. The function do does
// it or, with dry, only lists it.
type change struct {
	pipeline string
	yes      bool
	do       func(ctx context.Context, p config.Pipeline, dry bool) ([]string, error)
}

// changeTime bounds each call of do.
const changeTime = 60 * time.Second

// flags declares the flags that every change has.
func (c *change) flags(flags *flag.FlagSet) {
	flags.StringVar(&c.pipeline, "pipeline", "", "`NAME` of the pipeline")
	flags.BoolVar(&c.yes, "yes", false, "do not ask")
}

// readPipeline reads the files and returns the pipeline.
func (c *change) readPipeline(a *app, paths []string) (config.Pipeline, error) {
	if c.pipeline == "" {
		return config.Pipeline{}, usageError("-pipeline is missing")
	}
	file, report, err := load(a, paths, false)
	if err != nil {
		return config.Pipeline{}, err
	}
	printAll(a, report)
	return pipelineOf(a, file, c.pipeline)
}

// list returns what would be done.
func (c *change) list(ctx context.Context, p config.Pipeline) ([]string, error) {
	return c.run(ctx, p, true)
}

// carryOut asks, unless the user has given -yes, and does it; nothing is printed after a no.
func (c *change) carryOut(ctx context.Context, a *app, p config.Pipeline, question, nothing string) ([]string, error) {
	if !c.yes {
		if err := ask(a, question, nothing); err != nil {
			return nil, err
		}
	}
	return c.run(ctx, p, false)
}

func (c *change) run(ctx context.Context, p config.Pipeline, dry bool) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	return c.do(ctx, p, dry)
}

// ask asks the user; nothing is printed after a no.
func ask(a *app, question, nothing string) error {
	if !isTerminal(a.in) {
		return usageError(nothing + ": standard input is not a terminal; confirm with -yes")
	}
	fmt.Fprint(a.out, question+" [y/N] ")
	answer, _ := bufio.NewReader(a.in).ReadString('\n') // an end of input is a no
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	fmt.Fprintln(a.out, nothing)
	return exit(failed)
}
