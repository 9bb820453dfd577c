package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/admin"
	"github.com/tailrace/tailrace/internal/pipeline"
)

// pollInterval is how often `tailrace wait` reads the status.
const pollInterval = 100 * time.Millisecond

func waitVerb() *verb {
	return &verb{
		name:    "wait",
		args:    "-pipeline P [-lsn L] [-timeout 30s] [-url URL]",
		summary: "wait until everything up to now is durable in every sink of a pipeline",
		text: `Everything that was committed before the call is then durable in every sink. It also waits for a daemon that
is still starting. Exit code 1: timed out; the error lists the position of each sink.`,
		examples: `  tailrace wait -pipeline orders
  tailrace wait -pipeline orders -lsn 16/B374D848 -timeout 5m`,
		setup: setupWait,
	}
}

func setupWait(flags *flag.FlagSet) action {
	name := flags.String("pipeline", "", "`NAME` of the pipeline")
	lsn := flags.String("lsn", "", "`LSN` to wait for (default: the end of the source's WAL now)")
	timeout := flags.Duration("timeout", 30*time.Second, "how long to wait, such as `30s`")
	url := flags.String("url", defaultURL, "`URL` of the daemon")
	return func(ctx context.Context, a *app, args []string) error {
		if *name == "" {
			return usageError("-pipeline is missing")
		}
		if len(args) > 0 {
			return usageError(fmt.Sprintf("unexpected argument %q: wait takes none", args[0]))
		}
		client, err := admin.NewClient(*url)
		if err != nil {
			return usageError("-url: " + err.Error())
		}
		w := waiter{client: client, pipeline: *name}
		if *lsn != "" {
			if w.target, err = capture.ParseLSN(*lsn); err != nil {
				return usageError("-lsn: " + err.Error())
			}
			w.known = true
		}
		return w.wait(ctx, a, *timeout)
	}
}

// waiter waits for one position of one pipeline.
type waiter struct {
	client   *admin.Client
	pipeline string
	target   capture.LSN
	known    bool // target has been read
	last     pipeline.Status
}

func (w *waiter) wait(ctx context.Context, a *app, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	problem := errors.New("no answer") // of the last poll that had time to end
	for {
		reached, err := w.poll(ctx)
		switch {
		case errors.Is(err, admin.ErrNoPipeline):
			return w.unknownPipeline(ctx, err)
		case reached:
			fmt.Fprintf(a.out, "%s: every sink holds everything up to %s\n", w.pipeline, w.target)
			return nil
		case ctx.Err() == nil: // otherwise err is our own timeout, not a problem of the daemon
			problem = err
		}
		select {
		case <-ctx.Done():
			return w.timeoutError(timeout, problem)
		case <-time.After(pollInterval):
		}
	}
}

// poll reads the status once and reports whether every sink has reached the target.
func (w *waiter) poll(ctx context.Context) (reached bool, err error) {
	if !w.known {
		if w.target, err = w.client.End(ctx, w.pipeline); err != nil {
			return false, err
		}
		w.known = true
	}
	st, err := w.client.Status(ctx, w.pipeline)
	if err != nil {
		return false, err
	}
	w.last = st
	for _, s := range st.Sinks {
		if !w.hasTarget(s) {
			return false, nil
		}
	}
	return true, nil
}

// hasTarget reports whether everything up to the target is known to be in a sink.
func (w *waiter) hasTarget(s pipeline.SinkStatus) bool {
	return s.Applied.LSN >= w.target && !s.Unproven
}

// unknownPipeline returns an error that suggests a pipeline of the daemon.
func (w *waiter) unknownPipeline(ctx context.Context, err error) error {
	list, listErr := w.client.Statuses(ctx)
	if listErr != nil {
		return err
	}
	var names []string
	for _, st := range list {
		names = append(names, st.Name)
	}
	return usageError(fmt.Sprintf("the daemon has no pipeline %q%s", w.pipeline, didYouMean(w.pipeline, names)))
}

// timeoutError returns an error that lists the position of each sink.
func (w *waiter) timeoutError(timeout time.Duration, problem error) error {
	if !w.known {
		return fmt.Errorf("not in time: after %s the end of the source's WAL is not known: %w", timeout, problem)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "not in time: after %s not every sink of %s holds everything up to %s", timeout, w.pipeline, w.target)
	if problem != nil {
		fmt.Fprintf(&b, "\n  %v", problem)
	}
	if w.last.State.Kind != pipeline.OK && w.last.State.Name != "" {
		fmt.Fprintf(&b, "\n  the pipeline is %s: %s: %s", w.last.State.Kind, w.last.State.Name, w.last.State.Reason)
	}
	fmt.Fprintln(&b)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, s := range w.last.Sinks {
		state := "holds it"
		if !w.hasTarget(s) {
			state = strings.TrimSuffix(fmt.Sprintf("%s: %s", s.State.Name, s.State.Reason), ": ")
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", s.Name, s.Applied, state)
	}
	t.Flush()
	return errors.New(strings.TrimSuffix(b.String(), "\n"))
}
