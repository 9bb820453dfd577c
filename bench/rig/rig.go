// Package rig is the common base of all parts: the settings of a call, the servers with our programs, and the rounds in
// which the lines of a table are measured in turn.
package rig

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"time"

	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Subscription is the tool that is part of the server.
const Subscription = "subscription"

// Setup holds what one call of the command gives to all parts.
type Setup struct {
	Version int           // of Postgres
	Runs    int           // of each line, in turn
	Limit   time.Duration // for one run of one tool; a run that exceeds it has failed
	Stall   time.Duration // a run fails without progress for this long, three times this at its start; 0: Limit alone applies
	Warmups int           // the most drains that warm the broker up for one table
	Tools   List          // without the tools that are not selected, a table has fewer lines
	Book    *record.Book
	// Profiles is a folder for CPU profiles of tailrace, which slow it down slightly; "": none.
	Profiles string
	// Failures lists the failures so far, in order. If there is one, the command ends with exit code 1.
	Failures []Failure
}

// Flags adds the flags that belong to no single part.
func (u *Setup) Flags(f *flag.FlagSet) {
	f.IntVar(&u.Version, "postgres", testenv.Oldest, "major version of the server")
	f.IntVar(&u.Runs, "runs", 2, "runs of each tool, in turn")
	f.DurationVar(&u.Limit, "limit", 10*time.Minute, "for one run of one tool; one that is not done has failed")
	f.DurationVar(&u.Stall, "stall", 20*time.Second, "a run that makes no progress for this long, or does not start in three times of it, has failed; 0: only -limit ends it")
	f.IntVar(&u.Warmups, "warmups", 8, "drains at most that warm the broker up for one table")
	u.Tools.Flag(f, "tools", "drain, latency, replica", All, tool.Tailrace, tool.RecvLogical, tool.Debezium, Subscription, tool.JDBC,
		tool.ProducerPerf)
	f.StringVar(&u.Profiles, "profiles", "", "`folder` for a CPU profile of each run of tailrace, which cost it a little")
}

// Rig holds the servers of a part, and the programs that run on them.
type Rig struct {
	*site.Site
	*tool.Binaries
	Setup *Setup
	names int // so far
}

// New starts Postgres with the options and, on request, Kafka, and builds the daemon. The caller closes the rig.
func New(ctx context.Context, u *Setup, kafka bool, options ...testenv.PostgresOption) (*Rig, error) {
	s, err := site.New(kafka, append(options[:len(options):len(options)], testenv.Version(u.Version))...)
	if err != nil {
		return nil, err
	}
	r := &Rig{Site: s, Binaries: tool.NewBinaries(s.Dir, u.Profiles, u.Stall), Setup: u}
	if err := r.Build(ctx, []string{tool.Tailrace}, tool.Sink{Kind: tool.None}, tool.Sink{Kind: tool.Kafka}); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Name returns a name that no other run on the rig has.
func (r *Rig) Name(kind string) string {
	r.names++
	return fmt.Sprintf("%s_%d", kind, r.names)
}

// Drain has a tool read the job's backlog once, on a slot created before it. A tool that reads no backlog gets no slot.
func (r *Rig) Drain(ctx context.Context, name string, j tool.Job) (figures map[string]float64, err error) {
	if tool.ReadsWAL(name) {
		if err := j.From.CopySlot(ctx, j.From.Base(), j.Name); err != nil {
			return nil, err
		}
	}
	p, err := r.Start(ctx, name, j)
	if err != nil {
		return nil, err
	}
	defer CleanUp(ctx, &err, p.Stop)
	return p.Drain(ctx)
}

// Warm has tailrace drain a backlog into Kafka once, before the first case and outside the tables: a broker that
// has just started is slow for its first client.
func (r *Rig) Warm(ctx context.Context, of *record.Report, backlog *site.Backlog) {
	r.warm(ctx, of, backlog)
}

// WarmUntilSteady warms the broker up with a backlog until its CPU per row no longer falls. Otherwise the order of the
// lines decides: until the broker's code is compiled for records of that size, and its files are in memory that was used
// before, rows of 100 KB cost it up to three times as much.
func (r *Rig) WarmUntilSteady(ctx context.Context, of *record.Report, backlog *site.Backlog) {
	var costs []float64
	for len(costs) < r.Setup.Warmups && !steady(costs) {
		figures := r.warm(ctx, of, backlog)
		if figures == nil {
			return
		}
		costs = append(costs, figures["broker_us"])
	}
	if len(costs) == 0 {
		return
	}
	of.Setting = append(of.Setting, fmt.Sprintf("%d drains before the first run warmed the broker up: from %.2f us per row to %.2f.",
		len(costs), costs[0], slices.Min(costs)))
}

// steady reports whether the last two costs are at most a tenth below the lowest one before them.
func steady(costs []float64) bool {
	n := len(costs) - 2
	return n > 0 && slices.Min(costs[n:]) > 0.9*slices.Min(costs[:n])
}

// warm drains a backlog into Kafka once; it returns nil if that failed.
func (r *Rig) warm(ctx context.Context, of *record.Report, backlog *site.Backlog) map[string]float64 {
	j := tool.Job{Name: r.Name("warm"), From: backlog, Over: site.TCP, Sink: tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: "json", OneTopic: true}}
	figures, err := r.Limited(ctx, func(ctx context.Context) (map[string]float64, error) { return r.Drain(ctx, tool.Tailrace, j) })
	if err != nil {
		if context.Cause(ctx) == nil {
			r.Setup.Fail(Failure{Part: of.Part, Case: of.Case, Line: "warm-up of the broker", Reason: err.Error()})
		}
		return nil
	}
	return figures
}
