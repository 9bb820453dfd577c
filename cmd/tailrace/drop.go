package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/internal/daemon"
)

// left begins a line of what stays.
const left = "left: "

func dropVerb() *verb {
	return &verb{
		name:    "drop",
		args:    "-pipeline P [-yes] PATH...",
		summary: "remove what a pipeline made for itself: slot, publication, progress",
		text: `It lists what goes and what stays (topics, tables, keys) and asks first. It refuses while a daemon runs the
pipeline. Started again, the pipeline begins anew, with its snapshot.`,
		examples: `  tailrace drop -pipeline orders orders.hcl`,
		setup:    setupDrop,
	}
}

func setupDrop(flags *flag.FlagSet) action {
	c := change{do: daemon.Drop}
	c.flags(flags)
	return func(ctx context.Context, a *app, args []string) error {
		p, err := c.of(a, args)
		if err != nil {
			return err
		}
		goes, err := c.list(ctx, p)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(goes, func(l string) bool { return !strings.HasPrefix(l, left) }) {
			tell(a, "there is nothing to remove", goes)
			return nil
		}
		tell(a, "would be removed:", goes)
		gone, err := c.carryOut(ctx, a, p, "Remove it?", "nothing was removed")
		if len(gone) > 0 || err == nil {
			tell(a, "removed:", gone)
		}
		return err
	}
}

// tell lists what goes, then what stays.
func tell(a *app, title string, lines []string) {
	var stays []string
	fmt.Fprintln(a.out, title)
	for _, l := range lines {
		if what, ok := strings.CutPrefix(l, left); ok {
			stays = append(stays, what)
			continue
		}
		fmt.Fprintln(a.out, "  "+l)
	}
	if len(stays) > 0 {
		fmt.Fprintln(a.out, "stays, and is yours to remove:")
		for _, l := range stays {
			fmt.Fprintln(a.out, "  "+l)
		}
	}
}
