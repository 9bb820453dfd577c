package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/internal/daemon"
)

// left is the prefix of a line for what stays.
const left = "left: "

func dropVerb() *verb {
	return &verb{
		name:    "drop",
		args:    "-pipeline P [-yes] PATH...",
		summary: "remove what a pipeline has created: slot, publication, progress",
		text: `It lists what is removed and what stays (topics, tables, keys) and asks first. It refuses while a daemon runs the
pipeline. After a drop the pipeline starts from scratch, with its snapshot.`,
		examples: `  tailrace drop -pipeline orders orders.hcl`,
		setup:    setupDrop,
	}
}

func setupDrop(flags *flag.FlagSet) action {
	c := change{do: daemon.Drop}
	c.flags(flags)
	return func(ctx context.Context, a *app, args []string) error {
		p, err := c.readPipeline(a, args)
		if err != nil {
			return err
		}
		goes, err := c.list(ctx, p)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(goes, func(l string) bool { return !strings.HasPrefix(l, left) }) {
			printLines(a, "there is nothing to remove", goes)
			return nil
		}
		printLines(a, "would be removed:", goes)
		gone, err := c.carryOut(ctx, a, p, "Remove it?", "nothing was removed")
		if len(gone) > 0 || err == nil {
			printLines(a, "removed:", gone)
		}
		return err
	}
}

// printLines prints what is removed, then what stays.
func printLines(a *app, title string, lines []string) {
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
