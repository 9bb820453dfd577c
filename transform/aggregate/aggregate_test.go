package aggregate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// Each case is a transaction and the events that it gives.
func TestAggregate(t *testing.T) {
	const changed = `aggregate "OrderChanged" {
  table = "public.orders"
  key   = row.id
  when  = op != "delete"
  child "public.order_lines" {
    as       = "lines"
    join     = child.order_id == row.id
    order_by = child.qty
  }
  on_unchanged = "omit"
  data = { op = op, was = old.id, status = row.status, lines = [for l in lines : { s = l.sku }] }
}`
	const gone = `aggregate "OrderGone" {
  table = "public.orders"
  when  = op == "delete"
  data  = { id = row.id }
}`
	for _, c := range []struct {
		name    string
		block   string
		changes []capture.Change
		want    []string
	}{
		{"a root alone", placed, []capture.Change{insert(orders, 1, "new", 5)}, []string{
			`0/10 insert 1 {"id":1,"status":"new","lines":[]}`,
		}},
		{"with children", placed, []capture.Change{
			insert(orders, 1, "new", 5), insert(lines, 10, 1, "a", 1), insert(lines, 11, 1, "b", 2),
		}, []string{`0/10 insert 1 {"id":1,"status":"new","lines":[{"sku":"a","qty":1},{"sku":"b","qty":2}]}`}},
		{"children first", placed, []capture.Change{
			insert(lines, 10, 1, "a", 1), insert(orders, 1, "new", 5), insert(lines, 11, 1, "b", 2),
		}, []string{`0/10+1 insert 1 {"id":1,"status":"new","lines":[{"sku":"a","qty":1},{"sku":"b","qty":2}]}`}},
		{"in the order of the roots", placed, []capture.Change{
			insert(orders, 2, "x", 5), insert(orders, 1, "y", 5), insert(lines, 10, 1, "a", 1), insert(lines, 11, 2, "b", 2),
		}, []string{
			`0/10 insert 2 {"id":2,"status":"x","lines":[{"sku":"b","qty":2}]}`,
			`0/10+1 insert 1 {"id":1,"status":"y","lines":[{"sku":"a","qty":1}]}`,
		}},
		{"final images", placed, []capture.Change{
			insert(orders, 1, "new", 5), insert(lines, 10, 1, "a", 1), insert(lines, 11, 1, "b", 2),
			update(lines, 10, 1, "c", 3), update(orders, 1, "paid", 7),
		}, []string{`0/10 insert 1 {"id":1,"status":"paid","lines":[{"sku":"c","qty":3},{"sku":"b","qty":2}]}`}},
		{"a value that an update left unchanged", placed, []capture.Change{
			insert(orders, 1, "long", 5), insert(lines, 10, 1, "very long", 1),
			update(orders, 1, capture.Unchanged, 6), update(lines, 10, 1, capture.Unchanged, 9),
		}, []string{`0/10 insert 1 {"id":1,"status":"long","lines":[{"sku":"very long","qty":9}]}`}},
		{"a deleted child", placed, []capture.Change{
			insert(orders, 1, "new", 5), insert(lines, 10, 1, "a", 1), insert(lines, 11, 1, "b", 2), deleted(lines, 10),
		}, []string{`0/10 insert 1 {"id":1,"status":"new","lines":[{"sku":"b","qty":2}]}`}},
		{"a child that comes again", placed, []capture.Change{
			insert(orders, 1, "new", 5), insert(lines, 10, 1, "a", 1), insert(lines, 11, 1, "b", 2), deleted(lines, 10), insert(lines, 10, 1, "d", 4),
		}, []string{`0/10 insert 1 {"id":1,"status":"new","lines":[{"sku":"b","qty":2},{"sku":"d","qty":4}]}`}},
		{"a child that moves to another root", placed, []capture.Change{
			insert(orders, 1, "x", 5), insert(orders, 2, "y", 5), insert(lines, 10, 1, "a", 1), update(lines, 10, 2, "a", 1),
		}, []string{`0/10 insert 1 {"id":1,"status":"x","lines":[]}`, `0/10+1 insert 2 {"id":2,"status":"y","lines":[{"sku":"a","qty":1}]}`}},
		{"a child whose key changes", placed, []capture.Change{
			insert(orders, 1, "x", 5), insert(lines, 10, 1, "a", 1), insert(lines, 11, 1, "b", 1), moved(lines, 10, 12, 1, "c", 1), deleted(lines, 12),
		}, []string{`0/10 insert 1 {"id":1,"status":"x","lines":[{"sku":"b","qty":1}]}`}},
		{"a child without its root", placed, []capture.Change{insert(lines, 10, 1, "a", 1)}, nil},
		{"a child of another root", placed, []capture.Change{insert(orders, 1, "x", 5), insert(lines, 10, 2, "a", 1), insert(lines, 11, nil, "b", 1)}, []string{
			`0/10 insert 1 {"id":1,"status":"x","lines":[]}`,
		}},
		{"a root that is not admitted", placed, []capture.Change{update(orders, 1, "x", 5), insert(lines, 10, 1, "a", 1)}, nil},
		{"a root that is deleted", placed, []capture.Change{insert(orders, 1, "x", 5), insert(lines, 10, 1, "a", 1), deleted(orders, 1)}, nil},
		{"a root that comes again", placed, []capture.Change{insert(orders, 1, "x", 5), deleted(orders, 1), insert(orders, 1, "y", 5)}, []string{
			`0/10+2 insert 1 {"id":1,"status":"y","lines":[]}`,
		}},
		{"a root whose key changes", placed, []capture.Change{
			insert(orders, 1, "x", 5), insert(lines, 10, 1, "a", 1), moved(orders, 1, 2, "x", 5), update(lines, 10, 2, "a", 1),
		}, []string{`0/10 insert 2 {"id":2,"status":"x","lines":[{"sku":"a","qty":1}]}`}},
		{"truncated children", placed, []capture.Change{
			insert(orders, 1, "x", 5), insert(lines, 10, 1, "a", 1), truncate(lines), insert(lines, 11, 1, "b", 1),
		}, []string{`0/10 insert 1 {"id":1,"status":"x","lines":[{"sku":"b","qty":1}]}`}},
		{"truncated roots", placed, []capture.Change{insert(orders, 1, "x", 5), truncate(orders), insert(orders, 2, "y", 5)}, []string{
			`0/10+2 insert 2 {"id":2,"status":"y","lines":[]}`,
		}},
		{"the first operation counts", changed, []capture.Change{
			update(orders, 1, "x", 5), insert(lines, 10, 1, "a", 3), insert(lines, 11, 1, "b", 1), insert(lines, 12, 1, "c", nil),
			update(orders, 1, "y", 5), insert(lines, 13, 1, "d", 20),
		}, []string{`0/10 update 1 {"op":"update","was":1,"status":"y","lines":[{"s":"b"},{"s":"a"},{"s":"d"},{"s":"c"}]}`}},
		{"the old row is the one that preceded the transaction", changed, []capture.Change{
			update(orders, 1, "x", 5), moved(orders, 1, 2, "y", 5), moved(orders, 2, 3, "z", 5),
		}, []string{`0/10 update 3 {"op":"update","was":1,"status":"z","lines":[]}`}},
		{"an insert has no old row", changed, []capture.Change{insert(orders, 1, "x", 5), moved(orders, 1, 2, "y", 5)}, []string{
			`0/10 insert 2 {"op":"insert","was":null,"status":"y","lines":[]}`,
		}},
		{"an unknown value is left out", changed, []capture.Change{update(orders, 1, capture.Unchanged, 5)}, []string{
			`0/10 update 1 {"op":"update","was":1,"lines":[]}`,
		}},
		{"a delete", gone, []capture.Change{update(orders, 1, "x", 5), deleted(orders, 1), deleted(orders, 2)}, []string{
			`0/10+1 delete  {"id":1}`, `0/10+2 delete  {"id":2}`,
		}},
		{"a delete and an insert", gone, []capture.Change{deleted(orders, 1), insert(orders, 1, "x", 5)}, []string{`0/10 delete  {"id":1}`}},
		{"rows of a snapshot", placed, []capture.Change{{Op: capture.Read, Table: orders, After: values(1, "x", 5)}}, nil},
		{"other tables", placed, []capture.Change{insert(notes, 1, 1, "x"), insert(orders, 1, "x", 5)}, []string{
			`0/10+1 insert 1 {"id":1,"status":"x","lines":[]}`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStep(t, c.block)
			for round := range 2 { // nothing leaks into the next transaction
				events, err := s.run(transaction(16, c.changes...))
				if err != nil {
					t.Fatal(err)
				}
				want := strings.Join(append(c.want, ""), "\n")
				if d := cmp.Diff(want, show(events)); d != "" {
					t.Errorf("round %d (- wanted, + got)\n%s", round, d)
				}
			}
		})
	}
}

// Every part of an event that a block can set, and the annotations of the end of the transaction.
func TestPartsOfAnEvent(t *testing.T) {
	s := newStep(t, `aggregate "OrderPlaced" {
  table   = "public.orders"
  when    = op == "insert"
  key     = "${row.id}-${length(lines)}"
  id      = "order-${row.id}"
  topic   = "orders.${row.status}"
  subject = row.status
  partition = length(lines) + 1
  headers = { total = row.total, user = tx.annotations.user }
  child "public.order_lines" {
    as   = "lines"
    join = child.order_id == row.id
  }
  child "public.order_notes" {
    as   = "notes"
    join = row.id == child.order_id
  }
  data = { lines = length(lines), notes = [for n in notes : n.note] }
}`)
	changes := transaction(16, insert(orders, 1, "new", 5), insert(lines, 10, 1, "a", 1), insert(notes, 10, 1, "hello"))
	end := *changes[0].Tx
	end.Annotations = []byte(`{"user":"ada"}`)
	changes[2].Tx = &end
	events, err := s.run(changes)
	if err != nil || len(events) != 1 {
		t.Fatal(len(events), err)
	}
	e := events[0]
	if e.Change.Tx != &end || e.Change.Seq != 0 || e.Type != "OrderPlaced" || e.Suffix != "OrderPlaced" || !e.HasKey || !e.HasData {
		t.Errorf("%+v", e)
	}
	if string(e.Key) != "1-1" || string(e.ID) != "order-1" || e.Topic != "orders.new" || string(e.Data) != `{"lines":1,"notes":["hello"]}` {
		t.Errorf("key %s, id %s, topic %s, data %s", e.Key, e.ID, e.Topic, e.Data)
	}
	if e.Partition != 1+2 {
		t.Errorf("partition %d", e.Partition-1)
	}
	want := []transform.Header{
		{Name: "total", Value: []byte("5")}, {Name: "user", Value: []byte("ada")}, {Name: "ce_subject", Value: []byte("new")},
	}
	if d := cmp.Diff(want, e.Headers); d != "" {
		t.Errorf("headers (- wanted, + got)\n%s", d)
	}
	if r := s.rules.All(); len(r) != 1 || r[0].Name != `aggregate "OrderPlaced"` || r[0].Seen.Load() != 1 || r[0].Matched.Load() != 1 {
		t.Errorf("counted %+v", r)
	}
}

// A shape may change within a transaction: its rows are those of the last shape.
func TestShapesChange(t *testing.T) {
	s := newStep(t, placed)
	before := newTable("order_lines", "id", int8Type, "order_id", int8Type, "sku", textType)
	old := newTable("orders", "id", int8Type, "status", textType)
	events, err := s.run(transaction(16,
		insert(old, 1, "a"), insert(before, 10, 1, "x"), insert(before, 11, 1, "y"), insert(orders, 2, "b", 5), update(lines, 11, 1, capture.Unchanged, 7)))
	if err != nil {
		t.Fatal(err)
	}
	want := `0/10 insert 1 {"id":1,"status":"a","lines":[{"sku":"x","qty":null},{"sku":"y","qty":7}]}
0/10+3 insert 2 {"id":2,"status":"b","lines":[]}
`
	if d := cmp.Diff(want, show(events)); d != "" {
		t.Errorf("(- wanted, + got)\n%s", d)
	}
}

// Values that are equal have the same text only for some types; others are joined by a form of it.
func TestJoinByValue(t *testing.T) {
	root := newTable("orders", "id", numericType, "status", textType, "total", int8Type)
	child := newTable("order_lines", "id", int8Type, "order_id", numericType, "sku", textType, "qty", int4Type)
	s := newStep(t, placed)
	events, err := s.run(transaction(16,
		insert(root, "1.50", "a", 5), insert(root, "20", "b", 5), insert(child, 10, "1.5", "x", 1), insert(child, 11, "20.00", "y", 1), insert(child, 12, "2", "z", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got := show(events); strings.Count(got, `[{"sku":"x","qty":1}]`) != 1 || strings.Count(got, `[{"sku":"y","qty":1}]`) != 1 {
		t.Errorf("got %s", got)
	}
}
