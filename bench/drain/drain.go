// Package drain fills one backlog of WAL per shape and lets each tool drain it in turn, on a slot created before the
// backlog. It measures rows per second, CPU per row of the tool, its walsender and the broker, and peak memory.
package drain

import (
	"context"
	"flag"
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
)

// Options selects the shapes, sinks and tools.
type Options struct {
	rows          int
	shapes, sinks rig.List
}

// Flags adds the part's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	f.IntVar(&o.rows, "rows", 1_000_000, "drain: rows of a backlog; shapes of large or many rows take their share of it")
	o.shapes.Flag(f, "shapes", "drain", rig.All, names(shapes, func(s shape) string { return s.name })...)
	o.sinks.Flag(f, "sinks", `drain (without it all for insert1000 and insert1, none and kafka1-json for the other shapes)`, "",
		names(sinks, func(s named) string { return s.name })...)
}

func names[T any](all []T, name func(T) string) (out []string) {
	for _, x := range all {
		out = append(out, name(x))
	}
	return out
}

type named struct {
	name string
	few  bool // for the shapes that are not drained into all sinks
	tool.Sink
}

var sinks = []named{
	{"none", true, tool.Sink{Kind: tool.None}},
	{"stdout", false, tool.Sink{Kind: tool.Stdout}},
	{"kafka1-json", true, mainSink},
	{"kafka12-json", false, tool.Sink{Kind: tool.Kafka, Partitions: 12, Format: "json"}},
	{"kafka1-cloudevents", false, tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: "cloudevents"}},
	{"kafka12-cloudevents", false, tool.Sink{Kind: tool.Kafka, Partitions: 12, Format: "cloudevents"}},
}

// mainSink is the sink that the ratios refer to.
var mainSink = tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: "json"}

// wants reports whether a shape is drained into a sink.
func (o *Options) wants(s shape, k named) bool {
	if o.sinks.Empty() {
		return s.full || k.few
	}
	return o.sinks.Has(k.name)
}

// debezium reports whether Debezium also drains a shape into a sink: all of them would take it minutes.
func (o *Options) debezium(s shape, k named) bool {
	return !s.noDebezium && k.Kind == tool.Kafka && k.Format == "json" && (k.Sink == mainSink || !o.sinks.Empty())
}

// lines returns the tools with their sinks, in the order of the table.
func (o *Options) lines(s shape, tools *rig.List) (out []line) {
	for _, k := range sinks {
		if !o.wants(s, k) {
			continue
		}
		if tools.Has(tool.Tailrace) {
			out = append(out, line{tool.Tailrace, k.Sink})
		}
		if o.debezium(s, k) && tools.Has(tool.Debezium) {
			out = append(out, line{tool.Debezium, k.Sink})
		}
		if k.Sink == mainSink && s.producerPerf && tools.Has(tool.ProducerPerf) {
			out = append(out, perf)
		}
	}
	if tools.Has(tool.RecvLogical) {
		out = append(out, line{tool.RecvLogical, tool.Sink{Kind: tool.Stdout}})
	}
	return out
}

type line struct {
	tool string
	sink tool.Sink
}

func (l line) String() string {
	if l.tool == tool.ProducerPerf {
		return perfScript + " into Kafka, 1 partition"
	}
	return l.tool + " into " + l.sink.String()
}

// perfScript is the name by which users know tool.ProducerPerf.
const perfScript = "kafka-producer-perf-test"

// ours is the line that the ratios refer to; perf is the upper limit of the broker.
var (
	ours = line{tool.Tailrace, mainSink}
	perf = line{tool.ProducerPerf, tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: "json", OneTopic: true}}
)

// Run measures all selected shapes.
func (o *Options) Run(ctx context.Context, u *rig.Setup) error {
	r, err := rig.New(ctx, u, true)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, shape := range shapes {
		if !o.shapes.Has(shape.name) {
			continue
		}
		err := u.Case(ctx, "drain", shape.name, shape.title, func(table *record.Report) error { return o.shape(ctx, r, shape, table) })
		if err != nil {
			return err
		}
	}
	return nil
}

// shape measures one shape.
func (o *Options) shape(ctx context.Context, r *rig.Rig, shape shape, table *record.Report) error {
	d, err := r.NewDatabase(ctx, "bench_"+shape.name)
	if err != nil {
		return err
	}
	defer r.Setup.Discard(ctx, table, d)
	backlog, err := d.Fill(ctx, shape.make(max(1, int(float64(o.rows)*shape.share))))
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	table.Columns = columns
	table.Setting = []string{backlog.String()}
	if shape.noDebezium {
		table.Setting = append(table.Setting, "Debezium is left out: it would take minutes and say little that smaller transactions do not.")
	}
	wanted := o.lines(shape, &r.Setup.Tools)
	if slices.ContainsFunc(wanted, func(l line) bool { return l.sink.Kind == tool.Kafka }) {
		r.WarmUntilSteady(ctx, table, backlog)
	}
	c := &contest{r, table, backlog}
	var lines []rig.Line
	for _, l := range wanted {
		lines = append(lines, rig.Line{Name: l.String(), Run: func(ctx context.Context) (map[string]float64, error) { return c.one(ctx, l) }})
	}
	return r.Rounds(ctx, table, lines, compare)
}

// contest is one table being measured.
type contest struct {
	*rig.Rig
	table   *record.Report
	backlog *site.Backlog
}

// one measures a line once.
func (c *contest) one(ctx context.Context, l line) (_ map[string]float64, err error) {
	j := tool.Job{From: c.backlog, Over: site.TCP, Sink: l.sink}
	if l.tool == tool.ProducerPerf {
		if j.RecordBytes, err = c.recordBytes(ctx); err != nil {
			return nil, fmt.Errorf("measure the size of a record: %w", err)
		}
	}
	j.Name = c.Name("drain")
	return c.Drain(ctx, l.tool, j)
}

// overhead is what a record takes in a log besides key and value: lengths, offset, time, and its share of the batch header.
const overhead = 10

// recordBytes returns the size of tailrace's records in this table: from a run in the table, or else from an extra run.
func (c *contest) recordBytes(ctx context.Context) (int, error) {
	const key = "record_bytes"
	size := 0.0
	if c.table.Has(ours.String(), key) {
		size = c.table.Line(ours.String()).Median(key)
	} else {
		figures, err := c.one(ctx, ours)
		if err != nil {
			return 0, err
		}
		size = figures[key]
	}
	return max(1, int(size)-overhead), nil
}

func compare(r *record.Report) {
	ours, dbz, perf := ours.String(), line{tool.Debezium, mainSink}.String(), perf.String()
	recv := line{tool.RecvLogical, tool.Sink{Kind: tool.Stdout}}.String()
	r.Note(ours+": %.2f x the rows/s of "+recv+".", "rows_s", ours, recv)
	if r.Has(ours, "rows_s") && r.Has(dbz, "rows_s") {
		r.Notes = append(r.Notes, fmt.Sprintf("%s: %.1f x the rows/s of %s, %.1f x warm; 1/%.1f of its CPU per row, 1/%.1f warm; 1/%.0f of its memory.",
			ours, r.Ratio("rows_s", ours, dbz), tool.Debezium, r.Ratio("warm_rows_s", ours, dbz), r.Ratio("tool_us", dbz, ours),
			r.Ratio("warm_tool_us", dbz, ours), r.Ratio("rss_mb", dbz, ours)))
	}
	if r.Has(ours, "warm_mb_s") && r.Has(perf, "warm_mb_s") {
		r.Note(ours+": %.2f of the MB/s of "+perfScript+", warm.", "warm_mb_s", ours, perf)
	} else {
		r.Note(ours+": %.2f of the MB/s of "+perfScript+".", "mb_s", ours, perf)
	}
}

var columns = []record.Column{
	{Key: "rows_s", Title: "rows/s", Spread: true},
	{Key: "warm_rows_s", Title: "warm", Spread: true},
	{Key: "mb_s", Title: "MB/s", Digits: 1},
	{Key: "warm_mb_s", Title: "warm", Digits: 1},
	{Key: "tool_us", Title: "CPU us/row", Digits: 2, Spread: true},
	{Key: "warm_tool_us", Title: "warm", Digits: 2},
	{Key: "sender_us", Title: "walsender", Digits: 2},
	{Key: "broker_us", Title: "broker", Digits: 2},
	{Key: "rss_mb", Title: "peak MB", Spread: true},
	{Key: "start_s", Title: "start s", Digits: 1},
}
