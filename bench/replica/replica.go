// Package replica measures tools that keep a second server's tables equal: one backlog of WAL per shape, applied to a copy
// of the same database by tailrace, by a subscription of Postgres itself and by Debezium's JDBC sink, in turn; and the time
// from a commit until its row is visible there. Both servers are on this machine.
package replica

import (
	"context"
	"flag"

	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Options selects the cases and tools.
type Options struct {
	cases         rig.List
	rows          int
	rate, seconds int
}

// Flags adds the part's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	var cases []string
	for _, s := range shapes {
		cases = append(cases, s.name)
	}
	o.cases.Flag(f, "replica", "replica", rig.All, append(cases, "latency")...)
	f.IntVar(&o.rows, "replica-rows", 600_000, "replica: rows of a backlog; that of transactions of one row has half of it")
	f.IntVar(&o.rate, "replica-rate", 1000, "replica: transactions a second, for the latency")
	f.IntVar(&o.seconds, "replica-seconds", 20, "replica: how long the latency is measured")
}

// bench is one call of Run.
type bench struct {
	*Options
	*rig.Rig // with the source
	target   *site.Site
}

// Run measures all cases.
func (o *Options) Run(ctx context.Context, u *rig.Setup) error {
	if err := o.drains(ctx, u); err != nil || !o.cases.Has("latency") {
		return err
	}
	b, err := o.open(ctx, u, false, testenv.Durable())
	if err != nil {
		return err
	}
	defer b.close()
	title := record.Count(b.rate) + " transactions of one row a second"
	return u.Case(ctx, "replica", "latency", title, func(r *record.Report) error { return b.latency(ctx, r) })
}

func (o *Options) drains(ctx context.Context, u *rig.Setup) (err error) {
	var b *bench
	for _, s := range shapes {
		if !o.cases.Has(s.name) {
			continue
		}
		if b == nil {
			if b, err = o.open(ctx, u, u.Tools.Has(tool.JDBC)); err != nil {
				return err
			}
			defer b.close()
		}
		if err := u.Case(ctx, "replica", s.name, s.title, func(r *record.Report) error { return b.shape(ctx, s, r) }); err != nil {
			return err
		}
	}
	return nil
}

// open starts the servers.
func (o *Options) open(ctx context.Context, u *rig.Setup, kafka bool, options ...testenv.PostgresOption) (b *bench, err error) {
	r, err := rig.New(ctx, u, kafka, options...)
	if err != nil {
		return nil, err
	}
	// a worker of a subscription starts as soon as the previous one has ended
	options = append(options, testenv.Version(u.Version), testenv.Setting("wal_retrieve_retry_interval", "100ms"))
	target, err := site.New(false, options...)
	if err != nil {
		r.Close()
		return nil, err
	}
	return &bench{Options: o, Rig: r, target: target}, nil
}

func (b *bench) close() {
	b.target.Close()
	b.Close()
}

// program is a tool that applies changes, such as *tool.Program.
type program interface {
	Pid() int                   // 0: the target's backends do all the work
	Look() error                // why it cannot go on; nil: it can
	Stop(context.Context) error // and drops its slot
}

// begin starts a tool on the job's slot, which exists already.
func (b *bench) begin(ctx context.Context, name string, j tool.Job) (program, error) {
	if name == rig.Subscription {
		return subscribe(ctx, j)
	}
	return b.Start(ctx, name, j)
}

// lines returns the lines of the selected tools.
func (b *bench) lines(one func(context.Context, string) (map[string]float64, error), tools ...string) (out []rig.Line) {
	for _, name := range tools {
		if b.Setup.Tools.Has(name) {
			out = append(out, rig.Line{Name: name, Run: func(ctx context.Context) (map[string]float64, error) { return one(ctx, name) }})
		}
	}
	return out
}
