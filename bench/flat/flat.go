// Package flat is the part that shows which costs stay the same: CPU per row over the number of tables and of sinks, memory
// over the size of a transaction, and the time to the first row over the size of the publication and the catalogue.
package flat

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Options says which cases and how large.
type Options struct {
	cases, tables, sinks, huge string
	rows, catalogue            int
}

// Flags adds the part's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	f.StringVar(&o.cases, "flat", "tables,sinks,memory,start", "flat: `list` of cases")
	f.StringVar(&o.tables, "flat-tables", "1,10,100,1000", "flat: `list` of numbers of tables")
	f.StringVar(&o.sinks, "flat-sinks", "1,2,5", "flat: `list` of numbers of sinks")
	f.StringVar(&o.huge, "flat-huge", "1000,1000000,5000000,10000000", "flat: `list` of sizes of one transaction, in rows")
	f.IntVar(&o.rows, "flat-rows", 1_000_000, "flat: rows of a backlog")
	f.IntVar(&o.catalogue, "flat-catalogue", 100_000, "flat: tables in a large catalogue")
}

// bench is one call of Run.
type bench struct {
	*Options
	setup    *site.Setup
	site     *site.Site
	binaries *tool.Binaries
	runs     int // so far: names are unique
}

// Run measures all cases.
func (o *Options) Run(ctx context.Context, u *site.Setup) error {
	s, err := site.New(true, testenv.Version(u.Version), testenv.Setting("max_locks_per_transaction", "1024"))
	if err != nil {
		return err
	}
	defer s.Close()
	b := &bench{Options: o, setup: u, site: s}
	b.binaries = tool.NewBinaries(s.Dir, u.Profiles)
	for _, c := range []struct {
		name string
		run  func(context.Context) error
	}{{"tables", b.overTables}, {"sinks", b.overSinks}, {"memory", b.overMemory}, {"start", b.overStart}} {
		if !drain.Wanted(o.cases, c.name) || ctx.Err() != nil {
			continue
		}
		if err := c.run(ctx); err != nil {
			site.Say("flat %s: failed: %v", c.name, err)
		}
	}
	return ctx.Err()
}

// series is a case: backlogs, each drained in turn by what its lines say.
type series struct {
	report *record.Report
	lines  []line
	key    string // of the figure that is to stay the same
}

type line struct {
	name string
	from *site.Backlog
	sink tool.Sink
}

// measure runs a series and drops its databases.
func (b *bench) measure(ctx context.Context, s *series) error {
	defer func() {
		for i, l := range s.lines {
			if i > 0 && l.from == s.lines[i-1].from {
				continue
			}
			if err := l.from.Drop(ctx); err != nil {
				site.Say("drop %s: %v", l.from.Name, err)
			}
		}
	}()
	if b.runs == 0 {
		drain.Warm(ctx, b.setup, b.binaries, s.lines[0].from)
	}
	for run := range b.setup.Runs {
		for _, l := range s.lines {
			b.runs++
			j := tool.Job{Name: fmt.Sprintf("flat%d", b.runs), From: l.from, Over: site.TCP, Sink: l.sink}
			out, err := drain.One(ctx, b.setup, b.binaries, tool.Tailrace, j)
			if err == nil {
				out["sink_us"] = out["tool_us"] / float64(max(1, l.sink.Count))
			}
			s.report.Line(l.name).Add(out, err)
			drain.Tell(fmt.Sprintf("flat %s run %d: %s", s.report.Case, run+1, l.name), out, err)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if s.key != "" {
			s.compare()
		}
		if err := b.setup.Book.Save(s.report); err != nil {
			return err
		}
	}
	return nil
}

// compare puts each line beside the first one of its kind of sink.
func (s *series) compare() {
	s.report.Notes = nil
	for i, l := range s.lines {
		for _, first := range s.lines[:i] {
			if first.sink.Kind != l.sink.Kind {
				continue
			}
			if s.report.Has(l.name, s.key) && s.report.Has(first.name, s.key) {
				s.report.Notes = append(s.report.Notes, fmt.Sprintf("%s: %.2f of what %s takes.", l.name,
					s.report.Ratio(s.key, l.name, first.name), first.name))
			}
			break
		}
	}
}

// numbers reads a list of a flag.
func numbers(list string) (out []int, err error) {
	for _, text := range strings.Split(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no list of numbers", list)
		}
		out = append(out, n)
	}
	return out, nil
}

// backlog makes a database with a backlog.
func (b *bench) backlog(ctx context.Context, name string, s site.Shape) (*site.Backlog, error) {
	d, err := b.site.NewDatabase(ctx, name)
	if err != nil {
		return nil, err
	}
	return d.Fill(ctx, s)
}

// bus is the Kafka sink of these cases: the number of topics is not what they are about.
var bus = tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: "json", OneTopic: true}

// plural is a number with its word.
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
