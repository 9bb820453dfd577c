package filter_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/filter"
	"github.com/tailrace/tailrace/transform/rules/rulestest"
)

var (
	kinds  = rulestest.Kinds{"filter": func() any { return &filter.Settings{} }}
	orders = rulestest.Table("tenant_1.orders", "id int4 key", "region text", "doc text")
	lines  = rulestest.Table("tenant_1.order_lines", "id int4 key", "region text")
)

const europe = `filter "tenant_*.orders" { when = op == "delete" || row.region == "EU" }`

func TestFilter(t *testing.T) {
	counted := &transform.Rules{}
	c := rulestest.Chain(t, transform.Site{Rules: counted}, rulestest.MustLoad(t, kinds, europe))
	for _, x := range []struct {
		change *capture.Change
		passes bool
	}{
		{rulestest.Insert(orders, 1, "EU", "d"), true},
		{rulestest.Insert(orders, 1, "US", "d"), false},
		{rulestest.Insert(orders, 1, nil, "d"), false},
		{rulestest.Change(capture.Read, orders, nil, rulestest.Row(1, "US", "d")), false},
		{rulestest.Update(orders, nil, rulestest.Row(1, "EU", capture.Unchanged)), true},
		{rulestest.Update(orders, nil, rulestest.Row(1, "US", capture.Unchanged)), false},
		{rulestest.Delete(orders, 1, capture.Absent, capture.Absent), true},
		{rulestest.Change(capture.Truncate, orders, nil, nil), true},
		{rulestest.Insert(lines, 1, "US"), true},
	} {
		events, err := c.Apply(nil, transform.Event{Change: x.change})
		if err != nil || (len(events) == 1) != x.passes {
			t.Errorf("%s of %s %v: %d events, %v", x.change.Op, x.change.Table, x.change.Row(), len(events), err)
		}
	}
	made := transform.Event{Change: rulestest.Insert(orders, 1, "US", "d"), Type: "Made"}
	if events, err := c.Apply(nil, made); err != nil || len(events) != 1 {
		t.Errorf("an event of another block: %d, %v", len(events), err)
	}
	r := counted.All()[0]
	if matched, not := r.Counts(); r.Name != `filter "tenant_*.orders"` || matched != 4 || not != 4 {
		t.Errorf("%s: %d matched, %d not", r.Name, matched, not)
	}
}

// TestWhatAFilterCannotKnow: a deleted row of the default identity has no region.
func TestWhatAFilterCannotKnow(t *testing.T) {
	steps := rulestest.MustLoad(t, kinds, `filter "tenant_1.orders" { when = row.region == "EU" }`)
	report := rulestest.Check(steps, orders)
	if !report.HasErrors() || report.Diagnostics[0].Subject.Start.Line != 8 {
		t.Errorf("it is not refused: %s", report)
	}
	if report := rulestest.Check(steps, rulestest.Full(orders)); report.HasErrors() {
		t.Errorf("FULL: %s", report)
	}
	_, err := rulestest.Chain(t, transform.Site{}, steps).Apply(nil, transform.Event{Change: rulestest.Insert(orders, 1, "EU", "d")})
	if p := capture.AsProblem(err); p == nil || p.State != "rule_does_not_fit" || !strings.Contains(p.Reason, `filter "tenant_1.orders"`) {
		t.Errorf("when the table is first seen: %v", err)
	}
}

func TestAllocs(t *testing.T) {
	c := rulestest.Chain(t, transform.Site{}, rulestest.MustLoad(t, kinds, europe))
	change := rulestest.Insert(orders, 1, "US", "d")
	var dst []transform.Event
	if n := testing.AllocsPerRun(100, func() { dst, _ = c.Apply(dst[:0], transform.Event{Change: change}) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
