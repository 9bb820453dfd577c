package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/replica/verify"
	"github.com/tailrace/tailrace/sink/postgres"
)

func replayVerb() *verb {
	return &verb{
		name:    "replay",
		args:    "[-sink PIPELINE/SINK] PATH...",
		summary: "write the changes that a replica has parked",
		text: `It applies the changes of tailrace.parked in order. A change that still has a conflict stays, with the later ones of its
row, and its reason is printed; the exit code is then 1. The daemon may run meanwhile.`,
		examples: `  tailrace replay orders.hcl
  tailrace replay -sink orders/reporting /etc/tailrace`,
		setup: setupReplay,
	}
}

// replayer are the settings of a sink that parks changes.
type replayer interface {
	Replay(ctx context.Context, pipeline, name string) (postgres.Replayed, error)
}

func setupReplay(flags *flag.FlagSet) action {
	v := newVerification(flags)
	return func(ctx context.Context, a *app, args []string) error {
		file, err := v.load(a, args)
		if err != nil {
			return err
		}
		waiting := 0
		err = v.replicas(file, func(p config.Pipeline, name string, r verify.Replica) error {
			parks, ok := r.(replayer)
			if !ok {
				return nil
			}
			done, err := parks.Replay(ctx, p.Name, name)
			fmt.Fprintf(a.out, "%s/%s: %s written, %d waiting\n", p.Name, name, count(done.Applied, "change"), done.Waiting)
			for _, reason := range done.Reasons {
				fmt.Fprintln(a.out, "  "+reason)
			}
			waiting += done.Waiting
			return err
		})
		if err == nil && waiting > 0 {
			return exit(failed)
		}
		return err
	}
}
