package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/internal/admin"
)

// defaultURL is where a daemon listens by default.
const defaultURL = "http://127.0.0.1:9187"

// redraw is how often the live table is redrawn.
const redraw = time.Second

func statusVerb() *verb {
	return &verb{
		name:    "status",
		args:    "[-json] [-watch] [-url URL]",
		summary: "show the pipelines of a running daemon",
		text:    "On a terminal the table is redrawn every second, until Ctrl-C; -watch=false prints it once.",
		examples: `  tailrace status
  tailrace status -json | jq '.[].sinks[] | {name, lag_seconds}'`,
		setup: setupStatus,
	}
}

func setupStatus(flags *flag.FlagSet) action {
	url := flags.String("url", defaultURL, "`URL` of the daemon")
	asJSON := flags.Bool("json", false, "print the response of the API: an array with one object per pipeline")
	var watch choice
	flags.Var(&watch, "watch", "redraw every second (default: on a terminal, without -json)")
	return func(ctx context.Context, a *app, args []string) error {
		if len(args) > 0 {
			return usageError(fmt.Sprintf("unexpected argument %q: status takes none", args[0]))
		}
		client, err := admin.NewClient(*url)
		if err != nil {
			return usageError("-url: " + err.Error())
		}
		show := table
		if *asJSON {
			show = asArray
		}
		terminal := isTerminal(a.out)
		if !watch.or(terminal && !*asJSON) {
			b, err := show(ctx, client)
			a.out.Write(b)
			return err
		}
		return watchStatus(ctx, a, terminal && !*asJSON, func() ([]byte, error) { return show(ctx, client) })
	}
}

// watchStatus continues while the daemon does not answer, since that is when an operator watches.
func watchStatus(ctx context.Context, a *app, erase bool, show func() ([]byte, error)) error {
	for {
		b, err := show()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			b = fmt.Appendf(nil, "%v\n", err)
		}
		if erase {
			// Overwrite from the upper left corner and erase the rest of each line and what is below: that does not flicker.
			b = append([]byte("\x1b[H"), append(bytes.ReplaceAll(b, []byte("\n"), []byte("\x1b[K\n")), "\x1b[J"...)...)
		}
		if _, err := a.out.Write(b); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(redraw):
		}
	}
}

func asArray(ctx context.Context, client *admin.Client) ([]byte, error) {
	list, err := client.Statuses(ctx)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(list)
	return append(b, '\n'), err
}

func table(ctx context.Context, client *admin.Client) ([]byte, error) {
	list, err := client.Statuses(ctx)
	if err != nil {
		return nil, err
	}
	return admin.Table(list, time.Now()), nil
}

// choice is a bool flag that knows whether it was given.
type choice struct{ given, value bool }

func (c *choice) String() string   { return "" }
func (c *choice) IsBoolFlag() bool { return true }

func (c *choice) Set(s string) error {
	switch s {
	case "true", "false":
		c.given, c.value = true, s == "true"
		return nil
	}
	return fmt.Errorf("%q is neither true nor false", s)
}

func (c *choice) or(otherwise bool) bool {
	if c.given {
		return c.value
	}
	return otherwise
}
