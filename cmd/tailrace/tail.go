package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/admin"
)

// tokenVariable is the environment variable with the token of a daemon. A flag would show it to every user of the machine.
const tokenVariable = "TAILRACE_TOKEN"

func tailVerb() *verb {
	return &verb{
		name:    "tail",
		args:    "-pipeline P [-sink S] [-n 10] [-follow=false] [-json] [-url URL] [PATH...]",
		summary: "print the last events of a pipeline's sinks, and those to come",
		text: `It prints what each sink publishes, after its masks, until Ctrl-C. The daemon keeps a bounded number of events, and a terminal
that is slower than a sink loses some: their number is printed. Values are shown only with the daemon's token: give the
PATH whose daemon block has token (and listen), or set TAILRACE_TOKEN.`,
		examples: `  tailrace tail -pipeline orders orders.hcl
  tailrace tail -pipeline orders -sink bus -n 50 -follow=false -json orders.hcl | jq .event.data
  TAILRACE_TOKEN=$(cat token) tailrace tail -pipeline orders -url http://10.0.0.7:9187`,
		setup: setupTail,
	}
}

func setupTail(flags *flag.FlagSet) action {
	v := tailer{}
	flags.StringVar(&v.pipeline, "pipeline", "", "`NAME` of the pipeline")
	flags.StringVar(&v.query.Sink, "sink", "", "`NAME` of the sink (default: all sinks)")
	flags.IntVar(&v.query.N, "n", 10, fmt.Sprintf("`NUMBER` of events of each sink to begin with, at most %d", admin.MaxTailEvents))
	flags.BoolVar(&v.query.Follow, "follow", true, "wait for more events")
	flags.BoolVar(&v.json, "json", false, "print the lines of the API: one JSON object each, with event, skipped or state")
	flags.StringVar(&v.url, "url", "", "`URL` of the daemon (default: listen of the PATH, or "+defaultURL+")")
	return v.run
}

// tailer prints the events of a pipeline.
type tailer struct {
	pipeline, url, token string
	query                admin.TailQuery
	json                 bool
}

func (v *tailer) run(ctx context.Context, a *app, paths []string) error {
	switch {
	case v.pipeline == "":
		return usageError("-pipeline is missing")
	case v.query.N < 0 || v.query.N > admin.MaxTailEvents:
		return usageError(fmt.Sprintf("-n: %d is not a number from 0 to %d", v.query.N, admin.MaxTailEvents))
	}
	if err := v.find(a, paths); err != nil {
		return err
	}
	client, err := admin.NewClient(v.url)
	if err != nil {
		return usageError("-url: " + err.Error())
	}
	p := admin.TailPrinter{Out: a.out, States: a.err, Pipeline: v.pipeline}
	each := p.Print
	if v.json {
		each = func(text []byte, _ *admin.TailLine) error { _, err := fmt.Fprintf(a.out, "%s\n", text); return err }
	}
	err = client.Tail(ctx, v.pipeline, v.token, v.query, each)
	switch {
	case ctx.Err() != nil:
		return nil // Ctrl-C
	case errors.Is(err, admin.ErrRefused), errors.Is(err, admin.ErrNoPipeline):
		return usageError(err.Error())
	}
	return err
}

// find sets the URL and the token of the daemon.
func (v *tailer) find(a *app, paths []string) error {
	listen := ""
	if v.token = os.Getenv(tokenVariable); len(paths) > 0 {
		file, _, err := load(a, paths, false)
		if err != nil {
			return err
		}
		if _, err := pipelineOf(a, file, v.pipeline); err != nil {
			return err
		}
		listen = file.Daemon.Listen
		if file.Daemon.Token != "" {
			v.token = string(file.Daemon.Token)
		}
	}
	if v.token == "" {
		return usageError("values are shown only with the daemon's token: give the PATH whose daemon block has token, or set " + tokenVariable)
	}
	if v.url == "" {
		v.url = urlOf(listen)
	}
	return nil
}

// urlOf returns the URL of a daemon on this machine that listens on an address; "" is the default one.
func urlOf(listen string) string {
	if listen == "" || listen == config.DefaultListen {
		return defaultURL
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return defaultURL
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
