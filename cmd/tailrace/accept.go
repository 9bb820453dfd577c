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
		summary: "go on without what is missing, after a halted state that means a gap",
		text: `It says what each sink loses and asks first. STATE is the state that stands, as ` + "`tailrace status`" + ` shows it; for
another one it refuses. It writes the sinks' progress records, so the daemon may run, and so may its standbys: whichever has
the slot goes on within 10 s. To lose nothing, drop the pipeline and start again with a snapshot instead.`,
		examples: `  tailrace accept -pipeline orders publication_altered orders.hcl`,
		setup:    setupAccept,
	}
}

func setupAccept(flags *flag.FlagSet) action {
	var c change
	c.flags(flags)
	return func(ctx context.Context, a *app, args []string) error {
		if len(args) < 2 {
			return usageError("a state and a file are needed: accept -pipeline P STATE PATH...")
		}
		c.do = func(ctx context.Context, p config.Pipeline, dry bool) ([]string, error) {
			return daemon.Accept(ctx, p, args[0], dry)
		}
		p, err := c.of(a, args[1:])
		if err != nil {
			return err
		}
		lost, err := c.list(ctx, p)
		if err != nil {
			return err
		}
		tell(a, "what is lost:", lost)
		if _, err := c.carryOut(ctx, a, p, "Go on without it?", "nothing was changed"); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "accepted: pipeline %s goes on, within 10 s where a daemon runs\n", p.Name)
		return nil
	}
}
