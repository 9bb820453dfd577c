// Package flat shows which costs stay constant: CPU per row over the number of tables and of sinks, memory over the size
// of a transaction, and the time to the first row over the size of the publication and of the catalogue.
package flat

import (
	"context"
	"errors"
	"flag"

	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Options selects the cases and their sizes.
type Options struct {
	cases                          rig.List
	tables, sinks, huge, published rig.Numbers
	rows, catalogue                int
}

// Flags adds the part's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	o.cases.Flag(f, "flat", "flat", rig.All, "tables", "sinks", "memory", "start", "first")
	o.tables.Flag(f, "flat-tables", "flat: `list` of numbers of tables", "1,10,100,1000")
	o.sinks.Flag(f, "flat-sinks", "flat: `list` of numbers of sinks", "1,2,5")
	o.huge.Flag(f, "flat-huge", "flat: `list` of sizes of one transaction, in rows", "1000,1000000,10000000")
	o.published.Flag(f, "flat-published", "flat: `list` of numbers of tables in the publication, for the start", "1,1000")
	f.IntVar(&o.rows, "flat-rows", 400_000, "flat: rows of a backlog")
	f.IntVar(&o.catalogue, "flat-catalogue", 100_000, "flat: tables in a large catalogue")
}

// bench is one call of Run.
type bench struct {
	*Options
	*rig.Rig
	warmed bool
}

// Run measures all cases.
func (o *Options) Run(ctx context.Context, u *rig.Setup) error {
	r, err := rig.New(ctx, u, true, testenv.Setting("max_locks_per_transaction", "1024"))
	if err != nil {
		return err
	}
	defer r.Close()
	b := &bench{Options: o, Rig: r}
	for _, c := range []struct {
		name, title string
		run         func(context.Context, *record.Report) error
	}{
		{"tables", "CPU per row over the number of tables", b.overTables},
		{"sinks", "CPU per row and sink over the number of sinks", b.overSinks},
		{"memory", "memory over the size of a transaction", b.overMemory},
		{"start", "from the start of the process to the first row in Kafka, held", b.overStart},
		{"first", "the first change of each of many tables, and a start after that", b.overFirst},
	} {
		if !o.cases.Has(c.name) {
			continue
		}
		if err := u.Case(ctx, "flat", c.name, c.title, func(r *record.Report) error { return c.run(ctx, r) }); err != nil {
			return err
		}
	}
	return nil
}

// series is a case: backlogs, each drained in turn by its lines.
type series struct {
	report *record.Report
	lines  []line
	key    string // of the figure that should stay constant
}

type line struct {
	name string
	from *site.Backlog
	sink tool.Sink
}

// measure runs a series.
func (b *bench) measure(ctx context.Context, s *series) error {
	if !b.warmed {
		b.warmed = true
		b.Warm(ctx, s.report, s.lines[0].from)
	}
	var lines []rig.Line
	for _, l := range s.lines {
		lines = append(lines, rig.Line{Name: l.name, Run: func(ctx context.Context) (map[string]float64, error) {
			out, err := b.Drain(ctx, tool.Tailrace, tool.Job{Name: b.Name("flat"), From: l.from, Over: site.TCP, Sink: l.sink})
			if err == nil {
				out["sink_us"] = out["tool_us"] / float64(max(1, l.sink.Count))
			}
			return out, err
		}})
	}
	return b.Rounds(ctx, s.report, lines, s.compare)
}

// compare compares each line with the first one of its type of sink.
func (s *series) compare(r *record.Report) {
	for i, l := range s.lines {
		for _, first := range s.lines[:i] {
			if first.sink.Kind == l.sink.Kind {
				r.Note(l.name+": %.2f of what "+first.name+" takes.", s.key, l.name, first.name)
				break
			}
		}
	}
}

// discard drops the databases of a series.
func (b *bench) discard(ctx context.Context, s *series) {
	for i, l := range s.lines {
		if i == 0 || l.from != s.lines[i-1].from {
			b.Setup.Discard(ctx, s.report, l.from.Database)
		}
	}
}

// backlog creates a database with a backlog.
func (b *bench) backlog(ctx context.Context, name string, s site.Shape) (*site.Backlog, error) {
	d, err := b.NewDatabase(ctx, name)
	if err != nil {
		return nil, err
	}
	from, err := d.Fill(ctx, s)
	if err != nil {
		return nil, errors.Join(err, d.Drop(ctx))
	}
	return from, nil
}

// bus is the Kafka sink of these cases, which do not measure the number of topics.
var bus = tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: "json", OneTopic: true}

// plural returns a number with its noun.
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return record.Count(n) + " " + word + "s"
}
