package event_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/rules/rulestest"
)

const transition = `"OrderPaid" {
      table = "public.orders"
      when  = op == "update" && old.status != "paid" && row.status == "paid"
      data  = { id = row.id }
    }`

// TestTenUpdatesOfAPaidOrder: one of them pays it. The old status is known under FULL only, and then there is one event.
func TestTenUpdatesOfAPaidOrder(t *testing.T) {
	steps := rulestest.MustLoad(t, kinds, "event "+transition)
	if report := rulestest.Check(steps, full); len(report.Diagnostics) > 0 {
		t.Errorf("FULL: %s", report)
	}
	c := chain(t, transition)
	events := 0
	old := "open"
	for range 10 {
		got, err := c.Apply(nil, transform.Event{Change: rulestest.Update(full,
			rulestest.Row(1, old, 1, "x", "y"), rulestest.Row(1, "paid", 1, "x", "y"))})
		if err != nil {
			t.Fatal(err)
		}
		events, old = events+len(got)-1, "paid"
	}
	if events != 1 {
		t.Errorf("%d events", events)
	}

	report := rulestest.Check(steps, orders)
	if !report.HasErrors() || !strings.Contains(report.Diagnostics[0].Detail, "REPLICA IDENTITY FULL") {
		t.Fatalf("DEFAULT is not refused: %s", report)
	}
	if at := report.Diagnostics[0].Subject.Start; at.Line != 10 {
		t.Errorf("it is refused at line %d", at.Line)
	}
}

// TestARuleThatNoLongerFits: the replica identity changes under a running rule, and the shape of the table with it.
func TestARuleThatNoLongerFits(t *testing.T) {
	c := chain(t, transition)
	if _, err := c.Apply(nil, transform.Event{Change: rulestest.Insert(full, 1, "a", 1, "x", "y")}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a problem is not kept
		_, err := c.Apply(nil, transform.Event{Change: rulestest.Insert(orders, 1, "a", 1, "x", "y")})
		p := capture.AsProblem(err)
		if p == nil || p.State != "rule_does_not_fit" || !p.Halted || !strings.Contains(p.Fix, "REPLICA IDENTITY FULL") {
			t.Fatalf("%v", err)
		}
		for _, want := range []string{`event "OrderPaid" does not fit table public.orders`, "f.hcl:10:", "status"} {
			if !strings.Contains(p.Reason, want) {
				t.Errorf("the reason lacks %q: %s", want, p.Reason)
			}
		}
	}
	if _, err := c.Apply(nil, transform.Event{Change: rulestest.Insert(full, 1, "a", 1, "x", "y")}); err != nil {
		t.Errorf("the shape that fits: %v", err)
	}
}

func TestUnchangedValues(t *testing.T) {
	block := func(policy string) string {
		return `"Doc" {
  table = "public.orders"
  when  = op != "delete"
  data  = { id = row.id, doc = row.doc }
` + policy + `
}`
	}
	untouched := rulestest.Update(orders, nil, rulestest.Row(1, "a", 1, capture.Unchanged, "y"))
	apply(t, chain(t, block(`on_unchanged = "omit"`)), untouched, `Doc data={"id":1} | update 1,a,1,unchanged,y`)
	_, err := chain(t, block(`on_unchanged = "reject"`)).Apply(nil, transform.Event{Change: untouched})
	if r := transform.AsRejection(err); r == nil || r.Reason != "unchanged" || !strings.Contains(err.Error(), `event "Doc" (`) {
		t.Errorf("reject: %v", err)
	}
	_, err = chain(t, block("")).Apply(nil, transform.Event{Change: untouched})
	if p := capture.AsProblem(err); p == nil || p.State != "rule_does_not_fit" || !strings.Contains(p.Fix, "on_unchanged") {
		t.Errorf("without a policy: %v", err)
	}
	for _, policy := range []string{`on_unchanged = "omit"`, `on_unchanged = "reject"`} {
		apply(t, chain(t, block(policy)), rulestest.Insert(orders, 1, "a", 1, "x", "y"), `Doc data={"id":1,"doc":"x"} | insert 1,a,1,x,y`)
	}
}

func TestRejections(t *testing.T) {
	for attribute, want := range map[string]string{
		`data = 1 / (row.id - 1)`:                       "data: ",
		"data = 1\n key = \"${10 / (row.id - 1)}\"":     "key: ",
		"data = 1\n partition = row.id - 2":             "partition: this is not the number of a partition",
		"data = 1\n partition = row.status":             "partition: this is not the number of a partition",
		"data = 1\n when = 1 / (row.id - 1) > 0":        "",
		"data = 1\n headers = { x = 1 / (row.id - 1) }": "header x: ",
	} {
		if !strings.Contains(attribute, "when") {
			attribute += "\n when = op == \"insert\""
		} else {
			attribute = strings.Replace(attribute, "when = ", "when = op == \"insert\" && ", 1)
		}
		c := chain(t, "\"A\" {\n table = \"public.orders\"\n"+attribute+"\n}")
		_, err := c.Apply(nil, transform.Event{Change: rulestest.Insert(orders, 1, "a", 1, "x", "y")})
		var r *transform.Rejection
		if !errors.As(err, &r) || r.Reason != "evaluation" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", attribute, err)
		}
	}
}

// TestOlderShapes: a column that the live table has is null in rows that are older than it; any other one does not fit.
func TestOlderShapes(t *testing.T) {
	live := rulestest.Table("public.orders", "id int4 key", "status text", "channel text inline")
	older := rulestest.Table("public.orders", "id int4 key", "status text")
	steps := rulestest.MustLoad(t, kinds, `event "A" {
  table = "public.orders"
  when  = op == "insert"
  data  = { channel = row.channel }
}`)
	c := rulestest.Chain(t, transform.Site{Tables: []*capture.Table{live}}, steps)
	apply(t, c, rulestest.Insert(older, 1, "a"), `A data={"channel":null} | insert 1,a`)
	apply(t, c, rulestest.Insert(live, 1, "a", "web"), `A data={"channel":"web"} | insert 1,a,web`)
	_, err := rulestest.Chain(t, transform.Site{}, steps).Apply(nil, transform.Event{Change: rulestest.Insert(older, 1, "a")})
	if p := capture.AsProblem(err); p == nil || p.State != "rule_does_not_fit" {
		t.Errorf("without the live table: %v", err)
	}
}
