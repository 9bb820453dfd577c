// Package reader compares the pauses between reads of the socket with blocking reads, in the same program, and both with
// pg_recvlogical: at offered rates, at the full rate of a backlog, and next to a process that keeps a core busy, over TCP,
// TLS and Unix sockets. The tools drop all rows.
package reader

import (
	"context"
	"flag"
	"fmt"
	"os/exec"
	"strings"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Options selects transports and rates.
type Options struct {
	loads         loads
	transports    rig.List
	seconds, rows int
}

// Flags adds the part's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	_ = o.loads.Set("5,10,20,30,50,full,busy-20,busy-full")
	f.Var(&o.loads, "loads", "reader: `list` of offered MB/s, full, and busy- before them: next to a process that eats a core")
	o.transports.Flag(f, "transports", "reader", rig.All, string(site.TCP), string(site.TLS), string(site.Unix))
	f.IntVar(&o.seconds, "reader-seconds", 3, "reader: how long each rate is offered")
	f.IntVar(&o.rows, "reader-rows", 1_000_000, "reader: rows of the backlog of the full rate")
}

// tools lists the tools in the order of measurement.
var tools = []string{tool.Tailrace, tool.Plain, tool.RecvLogical}

// bench is one call of Run.
type bench struct {
	*Options
	*rig.Rig
	full    *site.Backlog // in a database of its own
	offered *site.Backlog // the table that is written to during the run
}

// Run measures all transports.
func (o *Options) Run(ctx context.Context, u *rig.Setup) error {
	r, err := rig.New(ctx, u, false, testenv.TLS())
	if err != nil {
		return err
	}
	defer r.Close()
	b := &bench{Options: o, Rig: r}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	for _, over := range []site.Transport{site.TCP, site.TLS, site.Unix} {
		if o.transports.Has(string(over)) {
			err := u.Case(ctx, "reader", string(over), "rests between reads over "+string(over), func(r *record.Report) error {
				return b.transport(ctx, over, r)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) prepare(ctx context.Context) error {
	if err := b.Build(ctx, tools, tool.Sink{Kind: tool.None}); err != nil {
		return err
	}
	d, err := b.NewDatabase(ctx, "bench_full")
	if err != nil {
		return err
	}
	if strings.Contains(b.loads.String(), full) {
		if b.full, err = d.Fill(ctx, drain.Inserts(1000)(b.rows)); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
	}
	if d, err = b.NewDatabase(ctx, "bench_offered"); err != nil {
		return err
	}
	b.offered, err = d.Stream(ctx, site.Shape{Tables: []string{"offered"}, Before: []string{table}})
	return err
}

// transport makes one table.
func (b *bench) transport(ctx context.Context, over site.Transport, r *record.Report) error {
	r.Columns = columns
	r.Setting = []string{
		fmt.Sprintf("Decoded and dropped. Offered: rows of about %d bytes on the wire, 1,000 transactions a second for %d s.", rowSize, b.seconds),
		fmt.Sprintf("Full: a backlog of %s rows of six columns.", record.Count(b.rows)),
	}
	var lines []rig.Line
	for _, l := range b.loads {
		for _, name := range tools {
			lines = append(lines, rig.Line{Name: l.with(name), Run: func(ctx context.Context) (map[string]float64, error) {
				return b.one(ctx, over, l, name)
			}})
		}
	}
	return b.Rounds(ctx, r, lines, b.compare)
}

// one measures one tool under one load.
func (b *bench) one(ctx context.Context, over site.Transport, l offered, name string) (map[string]float64, error) {
	j := tool.Job{Name: b.Name("reader"), Over: over, Sink: tool.Sink{Kind: tool.None}}
	if l.busy {
		stop, err := eatCore()
		if err != nil {
			return nil, err
		}
		defer stop()
	}
	if l.rate == 0 {
		j.From = b.full
		return b.Drain(ctx, name, j)
	}
	return b.offer(ctx, name, j, l.rate)
}

// eatCore starts a process that never waits.
func eatCore() (stop func(), err error) {
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("eat a core: %w", err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}, nil
}

// compare notes for each load what the pauses gain.
func (b *bench) compare(r *record.Report) {
	for _, l := range b.loads {
		ours, plain, recv := l.with(tool.Tailrace), l.with(tool.Plain), l.with(tool.RecvLogical)
		if !r.Has(ours, "rows_s") || !r.Has(plain, "rows_s") {
			continue
		}
		note := fmt.Sprintf("%s: %.2f x the rows/s of plain reads, %.2f of their CPU, %.2f of their walsender's", ours,
			r.Ratio("rows_s", ours, plain), r.Ratio("tool_us", ours, plain), r.Ratio("sender_us", ours, plain))
		if r.Has(recv, "rows_s") {
			note += fmt.Sprintf("; %.2f x the rows/s of %s", r.Ratio("rows_s", ours, recv), tool.RecvLogical)
		}
		r.Notes = append(r.Notes, note+".")
	}
}

var columns = []record.Column{
	{Key: "rows_s", Title: "rows/s", Spread: true},
	{Key: "tool_us", Title: "CPU us/row", Digits: 2},
	{Key: "sender_us", Title: "walsender", Digits: 2, Spread: true},
	{Key: "tool_waits_k", Title: "waits", Digits: 1},
	{Key: "sender_waits_k", Title: "its waits", Digits: 1},
	{Key: "p50_ms", Title: "delay p50 ms", Digits: 2},
	{Key: "p99_ms", Title: "p99", Digits: 2},
	{Key: "max_ms", Title: "max", Digits: 1},
}
