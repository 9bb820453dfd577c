package event_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/rules/rulestest"
)

// rulesRun is a chain of rules with the changes that it gets; one rule matches each of them.
type rulesRun struct {
	name    string
	chain   *transform.Chain
	events  int // of a change
	changes []*capture.Change
	fastest time.Duration // of a round
}

func newRulesRun(b *testing.B, name string, changes []*capture.Change, blocks []string) *rulesRun {
	b.Helper()
	r := &rulesRun{name: name, chain: transform.NewChain(), events: 1, changes: changes, fastest: math.MaxInt64}
	if len(blocks) > 0 {
		r.chain, r.events = chain(b, blocks...), 2
	}
	r.round(b, nil) // compiles the rules
	r.fastest = math.MaxInt64
	return r
}

// round applies the rules to every change once.
func (r *rulesRun) round(b *testing.B, dst []transform.Event) []transform.Event {
	start := time.Now()
	for _, c := range r.changes {
		var err error
		if dst, err = r.chain.Apply(dst[:0], transform.Event{Change: c}); err != nil || len(dst) != r.events {
			b.Fatal(len(dst), err)
		}
	}
	r.fastest = min(r.fastest, time.Since(start))
	return dst
}

func (r *rulesRun) perChange() float64 {
	return float64(r.fastest.Nanoseconds()) / float64(len(r.changes))
}

// BenchmarkRules compares what a change costs that one rule matches: next to no other rule, next to 999 rules over its table, and with
// 1,000 tables that have a rule each and take turns; and with one table and 1,000 tables without rules. They run in turn, in rounds of
// 1,000 changes; the fastest round of each counts, so that the ratios hold on a busy machine, too.
func BenchmarkRules(b *testing.B) {
	rule := func(table, name, status string) string {
		return fmt.Sprintf("%q {\n table = %q\n when = row.status == %q && row.total > 100 && op == \"insert\"\n"+
			" key = row.id\n data = { id = row.id, status = row.status, total = row.total, note = row.note, at = tx.time }\n}", name, table, status)
	}
	insert := func(t *capture.Table) *capture.Change { return rulestest.Insert(t, 1, "paid", "120.50", "x", "y") }
	one := []string{rule("public.orders", "E", "paid")}
	many, each := one, []string(nil)
	var same, tables []*capture.Change
	for i := range 1000 {
		if i > 0 {
			many = append(many, rule("public.orders", fmt.Sprint("E", i), fmt.Sprint("status", i)))
		}
		each = append(each, rule(fmt.Sprint("public.t", i), fmt.Sprint("E", i), "paid"))
		table := *orders
		table.Name = fmt.Sprint("t", i)
		same, tables = append(same, insert(orders)), append(tables, insert(&table))
	}
	runs := []*rulesRun{
		newRulesRun(b, "1-rule", same, one), newRulesRun(b, "1000-rules", same, many), newRulesRun(b, "1000-tables", tables, each),
		newRulesRun(b, "1-table-no-rule", same, nil), newRulesRun(b, "1000-tables-no-rule", tables, nil),
	}
	var dst []transform.Event
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range runs {
			dst = r.round(b, dst)
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, r := range runs {
		b.ReportMetric(r.perChange(), "ns/"+r.name)
		if i > 0 {
			b.ReportMetric(r.perChange()/runs[0].perChange(), r.name+"/1-rule")
		}
	}
}
