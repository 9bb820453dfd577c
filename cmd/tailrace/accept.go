package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/daemon"
)

func acceptVerb() *verb {
	return &verb{
		name:    "accept",
		args:    "-pipeline P [-yes] STATE PATH...",
		summary: "continue without what is missing, after a halted state that means a gap, or a warning about missing rows",
		text: `It lists what each sink loses and asks first. STATE is the current state, as ` + "`tailrace status`" + ` shows it; any other
one is refused. If a warning has ended by itself, nothing is changed, and the exit code is 0. It writes the sinks' progress records, so the daemon and its standbys may run: the one that has the slot
continues within 10 s. To lose nothing, drop the pipeline and start again with a snapshot instead.`,
		examples: `  tailrace accept -pipeline orders publication_altered orders.hcl`,
		setup:    setupAccept,
	}
}

func setupAccept(flags *flag.FlagSet) action {
	var c change
	c.flags(flags)
	return func(ctx context.Context, a *app, args []string) error {
		if len(args) < 2 {
			return usageError("missing arguments: accept -pipeline P STATE PATH...")
		}
		c.do = func(ctx context.Context, p config.Pipeline, dry bool) ([]string, error) {
			return daemon.Accept(ctx, p, args[0], dry)
		}
		p, err := c.readPipeline(a, args[1:])
		if err != nil {
			return err
		}
		lost, err := c.list(ctx, p)
		if err != nil {
			return err
		}
		if len(lost) == 0 {
			fmt.Fprintf(a.out, "pipeline %s is not %s, or not any more: there is nothing to accept\n", p.Name, args[0])
			return nil
		}
		printLines(a, "what is lost:", lost)
		if _, err := c.carryOut(ctx, a, p, "Continue without it?", "nothing was changed"); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "accepted: pipeline %s continues, within 10 s if a daemon runs\n", p.Name)
		return nil
	}
}
