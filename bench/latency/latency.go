// Package latency is the part that measures how long a commit takes from its return to the client to the record in a
// consumer, at fixed rates, with synchronous_commit and fsync on.
package latency

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/load"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Options says at which rates. The tools are the drain's.
type Options struct {
	Tools   func() string
	rates   string
	seconds int
	warm    int
}

// Flags adds the part's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	f.StringVar(&o.rates, "rates", "100,1000,5000", "latency: `list` of transactions a second")
	f.IntVar(&o.seconds, "seconds", 20, "latency: how long each rate is measured")
	f.IntVar(&o.warm, "warm", 20, "latency: how long each tool gets 1,000 transactions a second before, so that a JVM is warm")
}

// connections are enough that none of them is waited for, unless the database stalls.
const connections = 16

const insert = `INSERT INTO bench VALUES ($1::bigint, ($1::bigint % 1000)::int, 'paid', 12.34, 'a note of some forty characters, no. 12345', now())`

// Run measures all tools.
func (o *Options) Run(ctx context.Context, u *site.Setup) error {
	var rates []int
	for _, text := range strings.Split(o.rates, ",") {
		rate, err := strconv.Atoi(text)
		if err != nil || rate < 1 {
			return fmt.Errorf("-rates %q: no list of numbers", o.rates)
		}
		rates = append(rates, rate)
	}
	s, err := site.New(true, testenv.Version(u.Version), testenv.Durable())
	if err != nil {
		return err
	}
	defer s.Close()
	b := tool.NewBinaries(s.Dir, u.Profiles)
	d, err := s.NewDatabase(ctx, "bench_latency")
	if err != nil {
		return err
	}
	from, err := d.Fill(ctx, site.Shape{Tables: []string{"bench"}, Before: []string{fmt.Sprintf(drain.Orders, "bench")}})
	if err != nil {
		return err
	}
	if err := d.DropSlot(ctx, d.Base()); err != nil { // each run has a slot of its own
		return err
	}
	from.End = ""
	return o.all(ctx, &bench{setup: u, binaries: b, from: from, options: o, rates: rates})
}

// bench is one call of Run.
type bench struct {
	setup    *site.Setup
	binaries *tool.Binaries
	from     *site.Backlog
	options  *Options
	rates    []int
	reports  []*record.Report // one a rate
	next     int64            // id
}

func (o *Options) all(ctx context.Context, b *bench) error {
	for _, rate := range b.rates {
		r := b.setup.Book.Begin("latency", strconv.Itoa(rate), fmt.Sprintf("%d transactions of one row a second", rate))
		r.Columns = columns
		r.Setting = []string{
			"Milliseconds from the commit's return on the client to the record in a consumer; an open loop of writers,",
			"synchronous_commit and fsync on, Kafka with one partition, json. A negative figure is a record that came before the commit returned.",
		}
		b.reports = append(b.reports, r)
	}
	for i := range b.setup.Runs {
		for _, name := range []string{tool.Tailrace, tool.Debezium} {
			if !drain.Wanted(o.Tools(), name) {
				continue
			}
			if err := b.tool(ctx, name, i); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				site.Say("latency run %d: %s: FAILED: %v", i+1, name, err)
				for _, r := range b.reports {
					if l := r.Line(name); len(l.Runs) <= i {
						l.Add(nil, err)
					}
				}
			}
		}
		for _, r := range b.reports {
			compare(r)
			if err := b.setup.Book.Save(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// tool measures one tool at all rates.
func (b *bench) tool(ctx context.Context, name string, run int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, b.setup.Limit, fmt.Errorf("not done after %s", b.setup.Limit))
	defer cancel()
	j := tool.Job{
		Name: fmt.Sprintf("l%d_%s", run, name), From: b.from, Over: site.TCP, Lively: true,
		Sink: tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: "json"},
	}
	if err := b.from.Slot(ctx, j.Name); err != nil {
		return err
	}
	p, err := b.binaries.Start(ctx, name, j)
	if err != nil {
		return err
	}
	defer p.Stop(ctx)
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
	if _, err := b.phase(reading, c, 1000, b.options.warm); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	m := p.NewMeter(sender)
	for i, rate := range b.rates {
		before := m.Look(ctx, 0)
		out, err := b.phase(reading, c, rate, b.options.seconds)
		if err == nil {
			after, n := m.Look(ctx, 0), float64(rate*b.options.seconds)
			out["tool_us"] = float64((after.Tool - before.Tool).Microseconds()) / n
			out["sender_us"] = float64((after.Sender - before.Sender).Microseconds()) / n
			out["rss_mb"] = float64(m.Peak) / 1e6
		}
		b.reports[i].Line(name).Add(out, err)
		if err != nil {
			return fmt.Errorf("%d a second: %w", rate, err)
		}
		site.Say("latency run %d: %s, %d a second (%.0f kept): p50 %.2f, p90 %.2f, p99 %.2f, p99.9 %.2f, max %.2f ms", run+1, name, rate,
			out["kept"], out["p50"], out["p90"], out["p99"], out["p999"], out["max"])
	}
	return nil
}

// phase writes at a rate and waits until all has come.
func (b *bench) phase(ctx context.Context, c *consumer, rate, seconds int) (map[string]float64, error) {
	n := rate * seconds
	p := newPhase(b.next+1, n)
	b.next += int64(n)
	c.phase.Store(p)
	took, err := load.Run(ctx, load.Plan{
		URL: b.from.URL(site.TCP), Rate: float64(rate), Count: n, Connections: connections, SQL: insert,
		Args:     func(k int) []any { return []any{p.first + int64(k)} },
		Returned: func(k int, at time.Time) { p.returned[k].Store(at.UnixNano()) },
	})
	if err != nil {
		return nil, err
	}
	if n > 0 {
		select {
		case <-p.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d records have not come: %w", p.left.Load(), n, context.Cause(ctx))
		}
	}
	out := p.percentiles()
	out["kept"] = float64(n) / took.Seconds()
	return out, nil
}

// percentiles are in milliseconds.
func (p *phase) percentiles() map[string]float64 {
	ms := make([]float64, len(p.arrived))
	for i := range ms {
		ms[i] = float64(p.arrived[i].Load()-p.returned[i].Load()) / 1e6
	}
	slices.Sort(ms)
	out := map[string]float64{}
	for key, part := range map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1} {
		if len(ms) > 0 {
			out[key] = ms[min(len(ms)-1, int(part*float64(len(ms))))]
		}
	}
	return out
}

func compare(r *record.Report) {
	r.Notes = nil
	if r.Has(tool.Tailrace, "p50") && r.Has(tool.Debezium, "p50") {
		r.Notes = []string{fmt.Sprintf("tailrace: %.2f of Debezium's p50, %.2f of its p99.", r.Ratio("p50", tool.Tailrace, tool.Debezium),
			r.Ratio("p99", tool.Tailrace, tool.Debezium))}
	}
}

var columns = []record.Column{
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
