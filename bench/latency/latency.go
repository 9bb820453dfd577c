// Package latency measures the time from the return of a commit to the client until the record reaches a consumer,
// at fixed rates, with synchronous_commit and fsync on.
package latency

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"strconv"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Options selects the rates. The tools are those of the drain.
type Options struct {
	rates   rig.Numbers
	seconds int
	warm    int
}

// Flags adds the part's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	o.rates.Flag(f, "rates", "latency: `list` of transactions a second", "100,1000,5000")
	f.IntVar(&o.seconds, "seconds", 20, "latency: how long each rate is measured")
	f.IntVar(&o.warm, "warm", 20, "latency: how long each tool gets 1,000 transactions a second before, so that a JVM is warm")
}

// bench is one call of Run.
type bench struct {
	*Options
	*rig.Rig
	from    *site.Backlog
	reports []*record.Report // one per rate
	next    int64            // id
}

// Run measures all tools.
func (o *Options) Run(ctx context.Context, u *rig.Setup) error {
	r, err := rig.New(ctx, u, true, testenv.Durable())
	if err != nil {
		return err
	}
	defer r.Close()
	d, err := r.NewDatabase(ctx, "bench_latency")
	if err != nil {
		return err
	}
	b := &bench{Options: o, Rig: r}
	b.from, err = d.Stream(ctx, site.Shape{Tables: []string{"bench"}, Before: []string{fmt.Sprintf(drain.Orders, "bench")}})
	if err != nil {
		return err
	}
	for _, rate := range o.rates {
		table := u.Book.Begin("latency", strconv.Itoa(rate), record.Count(rate)+" transactions of one row a second")
		table.Columns = Columns
		table.Setting = []string{
			"An open loop of writers, synchronous_commit and fsync on, Kafka with one partition, json, both tools tuned for latency.",
			"A negative figure is a record that came before the commit returned.",
		}
		b.reports = append(b.reports, table)
	}
	return b.all(ctx)
}

// all runs the tools in turn. One run covers all rates, so that a JVM warms up once.
func (b *bench) all(ctx context.Context) error {
	for i := range b.Setup.Runs {
		for _, name := range []string{tool.Tailrace, tool.Debezium} {
			if !b.Setup.Tools.Has(name) {
				continue
			}
			failures := len(b.Setup.Failures)
			_, err := b.Limited(ctx, func(ctx context.Context) (map[string]float64, error) { return nil, b.tool(ctx, name, i) })
			if ctx.Err() != nil {
				return ctx.Err()
			}
			for _, r := range b.reports {
				if l := r.Line(name); err != nil && len(l.Runs) <= i {
					l.Add(nil, err)
					b.Setup.Tell(r, i, name, nil, err)
				}
			}
			if err != nil && len(b.Setup.Failures) == failures { // all rates are measured, and what the run leaves cannot be removed
				b.Setup.Fail(rig.Failure{Part: "latency", Line: name, Run: i + 1, Reason: err.Error()})
			}
		}
		for _, r := range b.reports {
			if err := b.Save(r, compare); err != nil {
				return err
			}
		}
	}
	return nil
}

// tool measures one tool at all rates.
func (b *bench) tool(ctx context.Context, name string, run int) (err error) {
	j := tool.Job{
		Name: b.Name("latency"), From: b.from, Over: site.TCP, Lively: true,
		Sink: tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: "json"},
	}
	if err := b.from.Slot(ctx, j.Name); err != nil {
		return err
	}
	p, err := b.Start(ctx, name, j)
	if err != nil {
		return err
	}
	defer rig.CleanUp(ctx, &err, p.Stop)
	sender, err := p.Await(ctx)
	if err != nil {
		return err
	}
	c, err := newConsumer(b.from.Site.Kafka.Direct()[0], j.Topics()[0])
	if err != nil {
		return err
	}
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() { stop(c.run(reading)) }()
	if _, err := b.phase(reading, &j, c, 1000, b.warm); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	m := p.NewMeter(sender)
	for i, rate := range b.rates {
		before := m.Look(ctx, 0)
		out, err := b.phase(reading, &j, c, rate, b.seconds)
		if err == nil {
			maps.Copy(out, tool.Between(before, m.Look(ctx, 0), rate*b.seconds))
			out["rss_mb"] = float64(m.Peak) / 1e6
		}
		b.reports[i].Line(name).Add(out, err)
		b.Setup.Tell(b.reports[i], run, name, out, err)
		if err != nil {
			return fmt.Errorf("%d a second: %w", rate, err)
		}
	}
	return nil
}

// phase writes at a rate and waits until all rows have arrived.
func (b *bench) phase(ctx context.Context, j *tool.Job, c *consumer, rate, seconds int) (map[string]float64, error) {
	n := rate * seconds
	p := NewPhase(b.next+1, n)
	b.next += int64(n)
	c.phase.Store(p)
	return p.Write(ctx, j, rate, b.Setup.Stall)
}

func compare(r *record.Report) {
	r.Note("tailrace: %.2f of Debezium's p50.", "p50", tool.Tailrace, tool.Debezium)
	r.Note("And %.2f of its p99.", "p99", tool.Tailrace, tool.Debezium)
}

// Columns are the figures of a line.
var Columns = []record.Column{
	{Key: "p50", Title: "p50 ms", Digits: 2, Spread: true},
	{Key: "p90", Title: "p90", Digits: 2},
	{Key: "p99", Title: "p99", Digits: 2, Spread: true},
	{Key: "p999", Title: "p99.9", Digits: 2},
	{Key: "max", Title: "max", Digits: 1},
	{Key: "kept", Title: "tx/s kept"},
	{Key: "tool_us", Title: "CPU us/tx"},
	{Key: "sender_us", Title: "walsender"},
	{Key: "rss_mb", Title: "peak MB"},
}
