// Package replica is the part that keeps a second server's tables equal: one backlog of WAL for each shape, applied to a copy
// of the same database by tailrace, by a subscription of Postgres' own and by Debezium's JDBC sink, in turn; and how long a
// commit takes until its row is visible there. Both servers are on this machine.
package replica

import (
	"context"
	"flag"
	"fmt"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Options says what is applied by what.
type Options struct {
	Tools         func() string // those of all parts
	cases         string
	rows          int
	rate, seconds int
}

// subscription is the tool that is part of the target.
const subscription = "subscription"

// Flags adds the part's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	f.StringVar(&o.cases, "replica", "all", "replica: `list` of insert1000, insert1, update, delete, latency")
	f.IntVar(&o.rows, "replica-rows", 1_000_000, "replica: rows of a backlog; that of transactions of one row has half of it")
	f.IntVar(&o.rate, "replica-rate", 1000, "replica: transactions a second, for the latency")
	f.IntVar(&o.seconds, "replica-seconds", 20, "replica: how long the latency is measured")
}

// bench is one call of Run.
type bench struct {
	*Options
	setup    *site.Setup
	source   *site.Site
	target   *site.Site
	binaries *tool.Binaries
	runs     int // so far: names are unique
}

// Run measures all cases.
func (o *Options) Run(ctx context.Context, u *site.Setup) error {
	if err := o.drains(ctx, u); err != nil || !drain.Wanted(o.cases, "latency") {
		return err
	}
	b, err := o.open(u, false, testenv.Version(u.Version), testenv.Durable())
	if err != nil {
		return err
	}
	defer b.close()
	return b.latency(ctx)
}

func (o *Options) drains(ctx context.Context, u *site.Setup) (err error) {
	var b *bench
	for _, s := range shapes {
		if !drain.Wanted(o.cases, s.name) || ctx.Err() != nil {
			continue
		}
		if b == nil {
			if b, err = o.open(u, drain.Wanted(o.Tools(), tool.JDBC), testenv.Version(u.Version)); err != nil {
				return err
			}
			defer b.close()
		}
		if err := b.shape(ctx, s); err != nil {
			site.Say("replica %s: failed: %v", s.name, err)
		}
	}
	return ctx.Err()
}

// open brings up the servers.
func (o *Options) open(u *site.Setup, kafka bool, options ...testenv.PostgresOption) (b *bench, err error) {
	b = &bench{Options: o, setup: u}
	if b.source, err = site.New(kafka, options...); err != nil {
		return nil, err
	}
	// a worker of a subscription follows the last one as soon as that
	options = append(options, testenv.Setting("wal_retrieve_retry_interval", "100ms"))
	if b.target, err = site.New(false, options...); err != nil {
		b.source.Close()
		return nil, err
	}
	b.binaries = tool.NewBinaries(b.source.Dir, u.Profiles)
	return b, nil
}

func (b *bench) close() {
	b.target.Close()
	b.source.Close()
}

// program is what applies changes. *tool.Program is one.
type program interface {
	Pid() int                   // 0: the target's backends are all of it
	Look() error                // why it cannot go on; nil: it can
	Stop(context.Context) error // with its slot
}

// start starts a tool on the job's slot, which stands already.
func (b *bench) start(ctx context.Context, name string, j tool.Job) (program, error) {
	if name == subscription {
		return subscribe(ctx, j)
	}
	return b.binaries.Start(ctx, name, j)
}

// name is one that no other run has.
func (b *bench) name(kind string) string {
	b.runs++
	return fmt.Sprintf("%s_%d", kind, b.runs)
}

// tools are those that are wanted.
func (b *bench) tools(all ...string) (names []string) {
	for _, name := range all {
		if drain.Wanted(b.Tools(), name) {
			names = append(names, name)
		}
	}
	return names
}

// ratio is a note on two lines, where both have the figure.
func ratio(r *record.Report, key, above, below, text string) {
	if r.Has(above, key) && r.Has(below, key) {
		r.Notes = append(r.Notes, fmt.Sprintf(text, r.Ratio(key, above, below)))
	}
}
