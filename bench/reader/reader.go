// Package reader is the part that puts the socket's low-water mark beside blocking reads, in the same program, and both
// beside pg_recvlogical: at offered rates, at the full rate of a backlog, and beside a process that eats a core, over TCP,
// TLS and Unix sockets. Nothing is done with the rows.
package reader

import (
	"context"
	"flag"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Options says over what and how fast.
type Options struct {
	loads, transports string
	seconds, rows     int
}

// Flags adds the part's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	f.StringVar(&o.loads, "loads", "5,10,20,30,50,full,busy-20,busy-full",
		"reader: `list` of offered MB/s, full, and busy- before them: beside a process that eats a core")
	f.StringVar(&o.transports, "transports", "tcp,tls,unix", "reader: `list` of ways to the server")
	f.IntVar(&o.seconds, "reader-seconds", 6, "reader: how long each rate is offered")
	f.IntVar(&o.rows, "reader-rows", 1_000_000, "reader: rows of the backlog of the full rate")
}

// tools are measured in this order.
var tools = []string{tool.Tailrace, tool.Plain, tool.RecvLogical}

// bench is one call of Run.
type bench struct {
	*Options
	setup    *site.Setup
	binaries *tool.Binaries
	full     *site.Backlog // in a database of its own
	offered  *site.Backlog // the table that is written to meanwhile
	runs     int           // so far: names are unique
}

// Run measures all transports.
func (o *Options) Run(ctx context.Context, u *site.Setup) error {
	s, err := site.New(false, testenv.Version(u.Version), testenv.TLS())
	if err != nil {
		return err
	}
	defer s.Close()
	b := &bench{Options: o, setup: u}
	b.binaries = tool.NewBinaries(s.Dir, u.Profiles)
	if err := b.prepare(ctx, s); err != nil {
		return err
	}
	for _, over := range []site.Transport{site.TCP, site.TLS, site.Unix} {
		if drain.Wanted(o.transports, string(over)) {
			if err := b.transport(ctx, over); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) prepare(ctx context.Context, s *site.Site) error {
	d, err := s.NewDatabase(ctx, "bench_full")
	if err != nil {
		return err
	}
	if strings.Contains(b.loads, "full") {
		if b.full, err = d.Fill(ctx, drain.Inserts(1000)(b.rows)); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
	}
	if d, err = s.NewDatabase(ctx, "bench_offered"); err != nil {
		return err
	}
	if b.offered, err = d.Fill(ctx, site.Shape{Tables: []string{"offered"}, Before: []string{table}}); err != nil {
		return err
	}
	b.offered.End = ""
	return d.DropSlot(ctx, d.Base())
}

// transport makes one table.
func (b *bench) transport(ctx context.Context, over site.Transport) error {
	r := b.setup.Book.Begin("reader", string(over), "the low-water mark over "+string(over))
	r.Columns = columns
	r.Setting = []string{
		fmt.Sprintf("Decoded and dropped. Offered: rows of about %d bytes on the wire, 1,000 transactions a second for %d s.", rowSize, b.seconds),
		fmt.Sprintf("Full: a backlog of %d rows of six columns.", b.rows),
		"Waits are how often a thread went to sleep to be woken, for 1,000 rows. Delay is from the commit's time at the server to the decoded transaction.",
	}
	for run := range b.setup.Runs {
		for _, load := range strings.Split(b.loads, ",") {
			for _, name := range tools {
				out, err := b.one(ctx, over, load, name)
				r.Line(title(load, name)).Add(out, err)
				drain.Tell(fmt.Sprintf("reader %s run %d: %s", over, run+1, title(load, name)), out, err)
				if ctx.Err() != nil {
					return ctx.Err()
				}
			}
		}
		b.compare(r)
		if err := b.setup.Book.Save(r); err != nil {
			return err
		}
	}
	return nil
}

// one measures one tool under one load.
func (b *bench) one(ctx context.Context, over site.Transport, load, name string) (map[string]float64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.setup.Limit, fmt.Errorf("not done after %s", b.setup.Limit))
	defer cancel()
	b.runs++
	j := tool.Job{Name: fmt.Sprintf("reader%d", b.runs), Over: over, Sink: tool.Sink{Kind: tool.None}}
	rate, busy := strings.CutPrefix(load, "busy-")
	if busy {
		stop, err := eatCore()
		if err != nil {
			return nil, err
		}
		defer stop()
	}
	if rate == "full" {
		j.From = b.full
		return drain.One(ctx, b.setup, b.binaries, name, j)
	}
	mbs, err := strconv.ParseFloat(rate, 64)
	if err != nil || mbs <= 0 {
		return nil, fmt.Errorf("-loads: %q is neither a number nor full", rate)
	}
	return b.offer(ctx, name, j, mbs)
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

func title(load, name string) string {
	rate, busy := strings.CutPrefix(load, "busy-")
	text := rate + " MB/s"
	if rate == "full" {
		text = "full rate"
	}
	if busy {
		text += " beside a busy core"
	}
	return text + ": " + name
}

// compare says for each load what the mark brings.
func (b *bench) compare(r *record.Report) {
	r.Notes = nil
	for _, load := range strings.Split(b.loads, ",") {
		ours, plain, recv := title(load, tool.Tailrace), title(load, tool.Plain), title(load, tool.RecvLogical)
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
