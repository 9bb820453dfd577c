package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/internal/daemon"
)

// dropTime bounds a look at the servers, and the removal.
const dropTime = 60 * time.Second

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
	name := flags.String("pipeline", "", "`NAME` of the pipeline")
	yes := flags.Bool("yes", false, "do not ask")
	return func(ctx context.Context, a *app, args []string) error {
		if *name == "" {
			return usageError("-pipeline is missing")
		}
		file, report, err := load(a, args, false)
		if err != nil {
			return err
		}
		printAll(a, report)
		p, err := pipelineOf(file, *name)
		if err != nil {
			return err
		}
		remove := func(dry bool) ([]string, error) {
			ctx, cancel := context.WithTimeout(ctx, dropTime)
			defer cancel()
			return daemon.Drop(ctx, p, dry)
		}
		goes, err := remove(true)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(goes, func(l string) bool { return !strings.HasPrefix(l, left) }) {
			tell(a, "there is nothing to remove", goes)
			return nil
		}
		tell(a, "would be removed:", goes)
		if !*yes {
			if err := ask(a); err != nil {
				return err
			}
		}
		gone, err := remove(false)
		tell(a, "removed:", gone)
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

func ask(a *app) error {
	if !isTerminal(a.in) {
		return usageError("nothing was removed: there is no terminal to ask on; say -yes")
	}
	fmt.Fprint(a.out, "Remove it? [y/N] ")
	answer, _ := bufio.NewReader(a.in).ReadString('\n') // an end of input is a no
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	fmt.Fprintln(a.out, "nothing was removed")
	return exit(failed)
}
