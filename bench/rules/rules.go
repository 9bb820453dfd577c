// Package rules measures what rules cost in the whole line: backlogs are drained bare, as plain changes, and with two event blocks, in
// turn, into nothing and into Kafka.
package rules

import (
	"context"
	"flag"
	"fmt"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
)

// blocks are two rules over the orders of the backlogs, as in examples/domain-events. Each row matches the first, and none the second,
// so that there are as many events as rows.
const blocks = `    event "OrderPaid" {
      table   = "public.bench"
      when    = op != "delete" && row.status == "paid"
      key     = row.id
      data    = { order = row.id, customer = row.customer_id, total = row.total, large = row.total >= 1000, at = tx.time }
    }
    event "OrderCancelled" {
      table   = "public.bench"
      when    = op != "delete" && row.status == "cancelled"
      key     = row.id
      data    = { order = row.id, refund = row.total }
      headers = { customer = row.customer_id }
    }
`

// Options selects the backlogs.
type Options struct {
	cases rig.List
	rows  int
}

// Flags adds the part's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	o.cases.Flag(f, "rules", "rules", rig.All, "insert1000", "insert1")
	f.IntVar(&o.rows, "rules-rows", 1_000_000, "rules: rows of the backlog of insert1000; insert1 has half of them")
}

// Run measures all cases.
func (o *Options) Run(ctx context.Context, u *rig.Setup) error {
	r, err := rig.New(ctx, u, true)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, c := range []struct {
		name, title string
		shape       site.Shape
	}{
		{"insert1000", "two rules over inserts in transactions of 1,000 rows", drain.Inserts(1000)(o.rows)},
		{"insert1", "two rules over inserts in transactions of 1 row", drain.Inserts(1)(o.rows / 2)},
	} {
		if !o.cases.Has(c.name) {
			continue
		}
		err := u.Case(ctx, "rules", c.name, c.title, func(table *record.Report) error { return measure(ctx, r, c.name, c.shape, table) })
		if err != nil {
			return err
		}
	}
	return nil
}

// contestant is a line of the table.
type contestant struct {
	name string
	sink tool.Sink
}

// contestants returns the lines: each sink without rules, and with them.
func contestants() (all []contestant) {
	for _, s := range []tool.Sink{{Kind: tool.None}, {Kind: tool.Kafka, Partitions: 1, Format: "json"}} {
		with := s
		with.Blocks = blocks
		all = append(all, contestant{"bare, into " + s.String(), s}, contestant{"two rules, into " + s.String(), with})
	}
	return all
}

// measure drains one backlog in turn by all lines.
func measure(ctx context.Context, r *rig.Rig, name string, shape site.Shape, table *record.Report) error {
	d, err := r.NewDatabase(ctx, "bench_rules_"+name)
	if err != nil {
		return err
	}
	defer r.Setup.Discard(ctx, table, d)
	backlog, err := d.Fill(ctx, shape)
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	table.Columns = columns
	table.Setting = []string{backlog.String(), "Each row matches one of the two rules, which makes an event of five values."}
	r.WarmUntilSteady(ctx, table, backlog)
	var lines []rig.Line
	for _, c := range contestants() {
		lines = append(lines, rig.Line{Name: c.name, Run: func(ctx context.Context) (map[string]float64, error) {
			return r.Drain(ctx, tool.Tailrace, tool.Job{Name: r.Name("rules"), From: backlog, Over: site.TCP, Sink: c.sink})
		}})
	}
	return r.Rounds(ctx, table, lines, compare)
}

// compare notes the ratio of each line with rules to the one before it, which is bare.
func compare(r *record.Report) {
	all := contestants()
	for i := 1; i < len(all); i += 2 {
		r.Note(all[i].name+": %.2f x the rows/s of the bare line.", "rows_s", all[i].name, all[i-1].name)
		r.Note(all[i].name+": %.2f x the CPU per row of the bare line.", "tool_us", all[i].name, all[i-1].name)
	}
}

var columns = []record.Column{
	{Key: "rows_s", Title: "rows/s", Spread: true},
	{Key: "warm_rows_s", Title: "warm", Spread: true},
	{Key: "tool_us", Title: "CPU us/row", Digits: 2, Spread: true},
	{Key: "warm_tool_us", Title: "warm", Digits: 2},
	{Key: "sender_us", Title: "walsender", Digits: 2},
	{Key: "rss_mb", Title: "peak MB", Spread: true},
}
