// Package drain is the part that fills one backlog of WAL for each shape and lets each tool drain it, in turn, on a slot
// that stands before it: rows per second, CPU per row of the tool, its walsender and the broker, and peak memory.
package drain

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Options says what to drain by what.
type Options struct {
	rows                 int
	shapes, tools, sinks string
	warmed               bool
}

// Flags adds the part's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	f.IntVar(&o.rows, "rows", 1_000_000, "drain: rows of a backlog; shapes of large or many rows take their share of it")
	f.StringVar(&o.shapes, "shapes", "all", "drain: `list` of "+names(shapes, func(s shape) string { return s.name }))
	f.StringVar(&o.tools, "tools", "all", "drain, latency: `list` of tailrace, pg_recvlogical, debezium")
	f.StringVar(&o.sinks, "sinks", "", "drain: `list` of "+names(sinks, func(s named) string { return s.name })+
		` (default: all for insert1000 and insert1, "none,kafka1-json" for the other shapes)`)
}

// Tools are the tools that were asked for.
func (o *Options) Tools() string { return o.tools }

// Wanted says whether a list, or "all", names something.
func Wanted(list, name string) bool {
	return list == "all" || slices.Contains(strings.Split(list, ","), name)
}

func names[T any](all []T, name func(T) string) string {
	var out []string
	for _, x := range all {
		out = append(out, name(x))
	}
	return strings.Join(out, ", ")
}

type named struct {
	name string
	tool.Sink
}

var sinks = []named{
	{"none", tool.Sink{Kind: tool.None}},
	{"stdout", tool.Sink{Kind: tool.Stdout}},
	{"kafka1-json", tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: "json"}},
	{"kafka12-json", tool.Sink{Kind: tool.Kafka, Partitions: 12, Format: "json"}},
	{"kafka1-cloudevents", tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: "cloudevents"}},
	{"kafka12-cloudevents", tool.Sink{Kind: tool.Kafka, Partitions: 12, Format: "cloudevents"}},
}

const (
	fewSinks = "none,kafka1-json"
	// mainSink is the one that the ratios are of.
	mainSink = "kafka1-json"
)

// lines are the tools with their sinks, as the table has them.
func (o *Options) lines(s shape) (out []line) {
	list := o.sinks
	if list == "" {
		list = fewSinks
		if s.full {
			list = "all"
		}
	}
	for _, k := range sinks {
		if !Wanted(list, k.name) {
			continue
		}
		if Wanted(o.tools, tool.Tailrace) {
			out = append(out, line{tool.Tailrace, k.Sink})
		}
		if k.Kind == tool.Kafka && k.Format == "json" && Wanted(o.tools, tool.Debezium) {
			out = append(out, line{tool.Debezium, k.Sink})
		}
	}
	if Wanted(o.tools, tool.RecvLogical) {
		out = append(out, line{tool.RecvLogical, tool.Sink{Kind: tool.Stdout}})
	}
	return out
}

type line struct {
	tool string
	sink tool.Sink
}

func (l line) String() string { return l.tool + " into " + l.sink.String() }

// Run measures all shapes that are wanted.
func (o *Options) Run(ctx context.Context, u *site.Setup) error {
	s, err := site.New(true, testenv.Version(u.Version))
	if err != nil {
		return err
	}
	defer s.Close()
	b := tool.NewBinaries(s.Dir, u.Profiles)
	for _, shape := range shapes {
		if !Wanted(o.shapes, shape.name) || ctx.Err() != nil {
			continue
		}
		if err := o.shape(ctx, u, s, b, shape); err != nil {
			site.Say("drain %s: failed: %v", shape.name, err)
		}
	}
	return ctx.Err()
}

func (o *Options) shape(ctx context.Context, u *site.Setup, s *site.Site, b *tool.Binaries, shape shape) error {
	r := u.Book.Begin("drain", shape.name, shape.title)
	d, err := s.NewDatabase(ctx, "bench_"+shape.name)
	if err != nil {
		return err
	}
	defer func() {
		if err := d.Drop(ctx); err != nil {
			site.Say("drop %s: %v", d.Name, err)
		}
	}()
	backlog, err := d.Fill(ctx, shape.make(max(1, int(float64(o.rows)*shape.share))))
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	r.Columns = columns
	r.Setting = []string{fmt.Sprintf("A backlog of %d changes, %d MiB of WAL.", backlog.Rows, backlog.Bytes>>20), explained}
	if !o.warmed {
		o.warmed = true
		Warm(ctx, u, b, backlog)
	}
	for i := range u.Runs {
		for j, l := range o.lines(shape) {
			j := tool.Job{Name: fmt.Sprintf("r%d_%d", i, j), From: backlog, Over: site.TCP, Sink: l.sink}
			figures, err := One(ctx, u, b, l.tool, j)
			r.Line(l.String()).Add(figures, err)
			Tell(fmt.Sprintf("drain %s run %d: %s", shape.name, i+1, l), figures, err)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		o.compare(r)
		if err := u.Book.Save(r); err != nil { // what is there is there, whatever comes
			return err
		}
	}
	return nil
}

// Warm lets tailrace drain a backlog into Kafka once, and counts it nowhere: a broker that has just started is slow for
// whoever comes first.
func Warm(ctx context.Context, u *site.Setup, b *tool.Binaries, backlog *site.Backlog) {
	if _, err := One(ctx, u, b, tool.Tailrace, tool.Job{Name: "warm", From: backlog, Over: site.TCP, Sink: sinks[2].Sink}); err != nil {
		site.Say("warm the broker: %v", err)
	}
}

// One drains the job's backlog once.
func One(ctx context.Context, u *site.Setup, b *tool.Binaries, name string, j tool.Job) (map[string]float64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, u.Limit, fmt.Errorf("not done after %s", u.Limit))
	defer cancel()
	if err := j.From.CopySlot(ctx, j.From.Base(), j.Name); err != nil {
		return nil, err
	}
	p, err := b.Start(ctx, name, j)
	if err != nil {
		return nil, err
	}
	figures, err := p.Drain(ctx)
	if gone := p.Stop(ctx); err == nil && gone != nil {
		return nil, fmt.Errorf("clean up: %w", gone)
	}
	return figures, err
}

// Tell prints what a run came to.
func Tell(what string, figures map[string]float64, err error) {
	if err != nil {
		site.Say("%s: FAILED: %v", what, err)
		return
	}
	site.Say("%s: %.0f rows/s, warm %.0f; CPU us/row %.2f, walsender %.2f, broker %.2f; %.0f MB", what, figures["rows_s"],
		figures["warm_rows_s"], figures["tool_us"], figures["sender_us"], figures["broker_us"], figures["rss_mb"])
}

func (o *Options) compare(r *record.Report) {
	r.Notes = nil
	i := slices.IndexFunc(sinks, func(n named) bool { return n.name == mainSink })
	ours := line{tool.Tailrace, sinks[i].Sink}.String()
	recv := line{tool.RecvLogical, tool.Sink{Kind: tool.Stdout}}.String()
	dbz := line{tool.Debezium, sinks[i].Sink}.String()
	if r.Has(ours, "rows_s") && r.Has(recv, "rows_s") {
		r.Notes = append(r.Notes, fmt.Sprintf("%s: %.2f x the rows/s of %s.", ours, r.Ratio("rows_s", ours, recv), recv))
	}
	if r.Has(ours, "rows_s") && r.Has(dbz, "rows_s") {
		r.Notes = append(r.Notes, fmt.Sprintf("%s: %.1f x the rows/s of %s, %.1f x warm; 1/%.1f of its CPU per row, 1/%.1f warm; 1/%.0f of its memory.",
			ours, r.Ratio("rows_s", ours, dbz), tool.Debezium, r.Ratio("warm_rows_s", ours, dbz), r.Ratio("tool_us", dbz, ours),
			r.Ratio("warm_tool_us", dbz, ours), r.Ratio("rss_mb", dbz, ours)))
	}
}

const explained = "From when a tool's walsender has the slot to when all rows are stored, a JVM's start left out; warm is over the last 60 % of the rows."

var columns = []record.Column{
	{Key: "rows_s", Title: "rows/s", Spread: true},
	{Key: "warm_rows_s", Title: "warm", Spread: true},
	{Key: "tool_us", Title: "CPU us/row", Digits: 2},
	{Key: "warm_tool_us", Title: "warm", Digits: 2},
	{Key: "sender_us", Title: "walsender", Digits: 2},
	{Key: "broker_us", Title: "broker", Digits: 2},
	{Key: "rss_mb", Title: "peak MB"},
	{Key: "start_s", Title: "start s", Digits: 1},
}
