package event_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/event"
	"github.com/tailrace/tailrace/transform/rules/rulestest"
)

var (
	kinds  = rulestest.Kinds{"event": func() any { return &event.Settings{} }}
	orders = rulestest.Table("public.orders", "id int4 key", "status text", "total numeric inline", "doc text", "note varchar inline")
	full   = rulestest.Full(orders)
	lines  = rulestest.Table("public.order_lines", "order_id int4 key", "no int4 key", "sku text")
)

// chain builds blocks, which are texts without the word event.
func chain(t testing.TB, blocks ...string) *transform.Chain {
	t.Helper()
	return rulestest.Chain(t, transform.Site{Pipeline: "p", Sink: "s"}, rulestest.MustLoad(t, kinds, "event "+strings.Join(blocks, "\nevent ")))
}

// apply expects the events of a change, the last of which is the change itself.
func apply(t *testing.T, c *transform.Chain, change *capture.Change, want string) {
	t.Helper()
	got, err := rulestest.Apply(c, change)
	if err != nil || got != want {
		t.Errorf("%s: %v\n got %s\nwant %s", change.Op, err, got, want)
	}
}

func TestEvent(t *testing.T) {
	const paid = `"OrderPaid" {
  table = "public.orders"
  when  = op == "update" && row.status == "paid"
  key   = row.id
  data  = { id = row.id, total = row.total }
}`
	c := chain(t, paid)
	apply(t, c, rulestest.Update(orders, nil, rulestest.Row(1, "paid", "9.90", "x", "y")),
		`OrderPaid key=1 data={"id":1,"total":"9.90"} | update 1,paid,9.90,x,y`)
	apply(t, c, rulestest.Update(orders, nil, rulestest.Row(1, "open", "9.90", "x", "y")), "update 1,open,9.90,x,y")
	apply(t, c, rulestest.Update(orders, nil, rulestest.Row(1, nil, "9.90", "x", "y")), "update 1,null,9.90,x,y")
	apply(t, c, rulestest.Insert(orders, 1, "paid", "9.90", "x", "y"), "insert 1,paid,9.90,x,y")
	apply(t, c, rulestest.Delete(orders, 1, capture.Absent, capture.Absent, capture.Absent, capture.Absent), "delete 1,absent,absent,absent,absent")
	apply(t, c, rulestest.Insert(lines, 1, 1, "paid"), "insert 1,1,paid")
}

// TestNumericOfTheFormat: where the sink's format has numeric values as numbers, events have them, too.
func TestNumericOfTheFormat(t *testing.T) {
	at := transform.Site{Pipeline: "p", Sink: "s", NumericAsNumber: true}
	c := rulestest.Chain(t, at, rulestest.MustLoad(t, kinds, `event "E" {
  table = "public.orders"
  when  = op == "insert"
  key   = row.total
  data  = { total = row.total, double = row.total * 2 }
}`))
	apply(t, c, rulestest.Insert(orders, 1, "a", "9.90", "x", "y"), `E key=9.90 data={"total":9.90,"double":19.80} | insert 1,a,9.90,x,y`)
}

// TestOperations: without when a rule takes every operation that has a row, and a truncation only if its condition names it.
func TestOperations(t *testing.T) {
	c := chain(t, `"Touched" {
  table = ["public.orders", "public.order_*"]
  data  = op
}`, `"Emptied" {
  table = "public.orders"
  when  = op == "truncate"
  data  = { table = table.name }
}`)
	apply(t, c, rulestest.Insert(orders, 1, "a", 1, "x", "y"), `Touched data="insert" | insert 1,a,1,x,y`)
	apply(t, c, rulestest.Update(orders, nil, rulestest.Row(1, "a", 1, capture.Unchanged, "y")), `Touched data="update" | update 1,a,1,unchanged,y`)
	apply(t, c, rulestest.Delete(lines, 1, 1, capture.Absent), `Touched data="delete" | delete 1,1,absent`)
	apply(t, c, rulestest.Change(capture.Read, orders, nil, rulestest.Row(1, "a", 1, "x", "y")), `Touched data="read" | read 1,a,1,x,y`)
	apply(t, c, rulestest.Change(capture.Truncate, orders, nil, nil), `Emptied data={"table":"orders"} | truncate`)
	apply(t, c, rulestest.Change(capture.Truncate, lines, nil, nil), "truncate")
}

func TestSeveralEventsAreInTheOrderOfTheFile(t *testing.T) {
	rule := func(name string, data int, when string) string {
		return fmt.Sprintf("%q {\n table = \"public.orders\"\n data = %d\n when = %s\n}", name, data, when)
	}
	c := chain(t, rule("A", 1, "true"), rule("B", 2, `row.status == "paid" && op != "delete"`), rule("C", 3, `op != "delete" && row.note == "gift"`),
		rule("D", 4, `op == "insert" && row.status != "paid"`), rule("E", 5, `row.status == "paid" && op == "insert"`),
		rule("F", 6, `op != "delete" && row.status == "open"`))
	apply(t, c, rulestest.Insert(orders, 1, "paid", 1, "x", "gift"), "A data=1 | B data=2 | C data=3 | E data=5 | insert 1,paid,1,x,gift")
	apply(t, c, rulestest.Insert(orders, 1, "open", 1, "x", nil), "A data=1 | D data=4 | F data=6 | insert 1,open,1,x,null")
}

func TestWhatAnEventHas(t *testing.T) {
	c := chain(t, `"Full" {
  table     = "public.orders"
  when      = op == "insert"
  key       = "${row.status}-${row.id}"
  topic     = "orders.${row.status}"
  id        = row.note
  partition = row.id % 3
  subject   = "orders/${row.id}"
  headers   = { tenant = row.note, "x-doc" = row.doc, fixed = "f" }
  data      = [row.id, null, row.total > 5]
}`, `"Bare" {
  table   = "public.orders"
  when    = op == "insert"
  subject = row.note
  topic   = row.note
  data    = row.doc
}`)
	apply(t, c, rulestest.Insert(orders, 4, "new", "9.90", nil, "n"), `Full id=n key=new-4 topic=orders.new partition=1 tenant=n fixed=f `+
		`ce_subject=orders/4 data=[4,null,true] | Bare topic=n ce_subject=n data=null | insert 4,new,9.90,null,n`)
	apply(t, c, rulestest.Insert(orders, 5, "new", "1", nil, ""), `Full key=new-5 topic=orders.new partition=2 tenant= fixed=f `+
		`ce_subject=orders/5 data=[5,null,false] | Bare ce_subject= data=null | insert 5,new,1,null,`)
	apply(t, c, rulestest.Insert(orders, nil, "new", "1", "d", nil), `Full key=null topic=orders.new x-doc=d fixed=f data=[null,null,false] | `+
		`Bare data="d" | insert null,new,1,d,null`)
}

func TestCounters(t *testing.T) {
	counted := &transform.Rules{}
	c := rulestest.Chain(t, transform.Site{Rules: counted}, rulestest.MustLoad(t, kinds, `
    event "Paid" {
      table = "public.orders"
      when  = row.status == "paid" && op != "delete"
      key   = row.note
      data  = 1
    }
    event "Any" {
      table = "public.*"
      data  = 1
    }`))
	for _, change := range []*capture.Change{
		rulestest.Insert(orders, 1, "paid", 1, "x", nil), rulestest.Insert(orders, 2, "paid", 1, "x", "k"),
		rulestest.Insert(orders, 3, "open", 1, "x", nil), rulestest.Insert(lines, 1, 1, "s"),
	} {
		if _, err := c.Apply(nil, transform.Event{Change: change}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, r := range counted.All() {
		matched, not := r.Counts()
		got = append(got, fmt.Sprintf("%s: %d matched, %d not, %d null keys", r.Name, matched, not, r.NullKeys.Load()))
	}
	want := `event "Paid": 2 matched, 1 not, 1 null keys; event "Any": 4 matched, 0 not, 0 null keys`
	if strings.Join(got, "; ") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, "; "), want)
	}
}

// TestEventsOfOthersPass: what another block has made is no change, and neither is a message.
func TestEventsOfOthersPass(t *testing.T) {
	c := chain(t, `"Any" {
  table = "*.*"
  data  = 1
}`)
	made := transform.Event{Change: rulestest.Insert(orders, 1, "a", 1, "x", "y"), Type: "Other"}
	message := transform.Event{Change: rulestest.Change(capture.Message, rulestest.Table("app.x", "content text"), nil, rulestest.Row("{}"))}
	for _, e := range []transform.Event{made, message} {
		if got, err := c.Apply(nil, e); err != nil || len(got) != 1 || got[0].Type != e.Type {
			t.Errorf("%d events, %v", len(got), err)
		}
	}
}
