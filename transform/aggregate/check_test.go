package aggregate_test

import (
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/aggregate"
)

// found is a problem as a table of tests names it.
type found struct{ token, summary string }

// problems returns the problems with the text at their places.
func problems(t *testing.T, diags hcl.Diagnostics) (all []found) {
	t.Helper()
	for _, d := range diags {
		text, err := os.ReadFile(d.Subject.Filename)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found{string(d.Subject.SliceBytes(text)), d.Summary + " | " + d.Detail})
	}
	return all
}

// expect checks that there is one problem, at a token, with a text.
func expect(t *testing.T, diags hcl.Diagnostics, token, text string) {
	t.Helper()
	got := problems(t, diags)
	if len(got) != 1 || got[0].token != token || !strings.Contains(got[0].summary, text) {
		t.Errorf("want %q at %s, got %q", text, token, got)
	}
}

// What a file alone shows.
func TestBrokenBlocks(t *testing.T) {
	for _, c := range []struct{ name, old, with, token, text string }{
		{"a wildcard", `"public.orders"`, `"tenant_*.orders"`, "table", "not the name of one table"},
		{"no schema", `"public.orders"`, `"orders"`, "table", "is not schema.table"},
		{"a wildcard of a child", `"public.order_lines"`, `"public.*"`, `child "public.*"`, "not the name of one table"},
		{"no data", "data = {", "subject = {", `aggregate "OrderPlaced"`, "data is missing"},
		{"a name", `"OrderPlaced"`, `"Order Placed"`, `aggregate "Order Placed"`, "is not the name of an event"},
		{"a suffix", `"OrderPlaced"`, `"del"`, `aggregate "del"`, "cannot have the name"},
		{"no equality", "child.order_id == row.id", "child.order_id > row.id", "child.order_id > row.id", "a join cannot have this"},
		{"or", "child.order_id == row.id", "child.order_id == row.id || child.id == row.id", "child.order_id == row.id || child.id == row.id", "a join cannot have this"},
		{"a function", "child.order_id == row.id", "lower(child.order_id) == row.id", "lower(child.order_id)", "a join cannot have this"},
		{"a constant", "child.order_id == row.id", "child.order_id == 7", "7", "a join cannot have this"},
		{"one side", "child.order_id == row.id", "child.order_id == child.id", "child.order_id == child.id", "both columns are of the child"},
		{"an old row", "child.order_id == row.id", "child.order_id == old.id", "old.id", "a join cannot have this"},
		{"true", "child.order_id == row.id", "true", "true", "a join cannot have this"},
		{"order", `as   = "lines"`, "as = \"lines\"\n order_by = row.id", "row.id", "not a column of the child"},
		{"a name that is taken", `"lines"`, `"row"`, "as", "is a name that expressions have already"},
		{"no identifier", `"lines"`, `"the lines"`, "as", "cannot be the name of a list"},
		{"a limit of nothing", "key   = row.id", `limit = "0"`, "limit", "not more than 0"},
		{"less memory than the limit", "key   = row.id", "limit = \"2MiB\"\n memory = \"1MiB\"", "memory", "less than the limit"},
		{"on_unchanged", "key   = row.id", `on_unchanged = "null"`, "on_unchanged", `on_unchanged is "null"`},
		{"a child in the condition", `op == "insert"`, "length(lines) > 0", "lines", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			block := strings.Replace(placed, c.old, c.with, 1)
			if block == placed {
				t.Fatal("the case changes nothing")
			}
			_, diags := load(t, block)
			if c.token == "as" { // the data then names a list that there is not
				diags = atToken(t, diags, c.token)
			}
			expect(t, diags, c.token, c.text)
		})
	}
}

func TestTwoListsOfOneName(t *testing.T) {
	_, diags := load(t, strings.Replace(placed, "  data", `  child "public.order_notes" {
    as   = "lines"
    join = child.order_id == row.id
  }
  data`, 1))
	expect(t, diags, "as", "there are two lists")
}

// A join is a conjunction, in any order and with any parentheses, of columns with any name.
func TestJoins(t *testing.T) {
	for _, join := range []string{
		"row.id == child.order_id",
		"(child.order_id == row.id)",
		"child.order_id == row.id && (child.qty == row.total && (row.id) == child.order_id)",
		`child["order_id"] == row["id"]`,
	} {
		s, diags := load(t, strings.Replace(placed, "child.order_id == row.id", join, 1))
		if diags.HasErrors() {
			t.Errorf("%s: %v", join, diags)
			continue
		}
		if diags := s.CheckTables([]*capture.Table{orders, lines}); diags.HasErrors() {
			t.Errorf("%s: %v", join, diags)
		}
	}
}

// What the tables of the live source show.
func TestCheckTables(t *testing.T) {
	keyless := *lines
	keyless.Key, keyless.Columns = nil, append([]capture.Column(nil), lines.Columns...)
	keyless.Columns[0].Identity, keyless.Columns[0].Key = false, false
	withText := newTable("order_lines", "id", int8Type, "order_id", textType, "sku", textType, "qty", int4Type)
	withFloat := newTable("order_lines", "id", int8Type, "order_id", floatType, "sku", textType, "qty", int4Type)
	for _, c := range []struct {
		name, old, with string
		tables          []*capture.Table
		token, text     string // "": there is no problem
	}{
		{"all is well", "", "", []*capture.Table{notes, orders, lines}, "", ""},
		{"no root", "", "", []*capture.Table{lines}, "table", "publishes no table"},
		{"no child", "", "", []*capture.Table{orders}, `child "public.order_lines"`, "publishes no table"},
		{"a child without a key", "", "", []*capture.Table{orders, &keyless}, `child "public.order_lines"`, "has no key"},
		{"a column of the child", "child.order_id", "child.orderid", []*capture.Table{orders, lines}, "child.orderid", "order_id"},
		{"a column of the row", "== row.id", "== row.idd", []*capture.Table{orders, lines}, "row.idd", "has no column"},
		{"types", "", "", []*capture.Table{orders, withText}, "child.order_id == row.id", "text and int8 cannot be joined"},
		{"inexact types", "", "", []*capture.Table{orders, withFloat}, "child.order_id == row.id", "cannot be joined"},
		{"an order by a number", `as   = "lines"`, "as = \"lines\"\n order_by = child.qty", []*capture.Table{orders, lines}, "", ""},
		{"an order by a float", `as   = "lines"`, "as = \"lines\"\n order_by = child.order_id", []*capture.Table{orders, withFloat}, "child.order_id", "cannot be ordered"},
		{"a partition that cannot be", "key   = row.id", "partition = -1", []*capture.Table{orders, lines}, "-1", "not the number of a partition"},
		{"a condition that never holds", `op == "insert"`, `op == "read"`, []*capture.Table{orders, lines}, `op == "read"`, "never matches"},
		{"a child that may be unknown", `op == "insert"`, `op == "update"`, []*capture.Table{full(orders), lines}, "l.sku", "unknown"},
		{"a row that may be unknown", `op == "insert"`, `op == "update"`, []*capture.Table{orders, full(lines)}, "row.status", "unknown"},
		{"a known update", `op == "insert"`, `op == "update"`, []*capture.Table{full(orders), full(lines)}, "", ""},
		{"a deleted row", `op == "insert"`, `op == "delete"`, []*capture.Table{orders, full(lines)}, "row.status", "is not known in a delete"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, diags := load(t, strings.Replace(placed, c.old, c.with, 1))
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			if diags = s.CheckTables(c.tables); c.token == "" && c.text == "" {
				if len(diags) > 0 {
					t.Errorf("got %q", problems(t, diags))
				}
				return
			}
			if c.name == "inexact types" || c.name == "an order by a float" {
				diags = atToken(t, diags, c.token)
			}
			expect(t, diags, c.token, c.text)
		})
	}
}

// atToken returns the problems at a token.
func atToken(t *testing.T, diags hcl.Diagnostics, token string) (out hcl.Diagnostics) {
	for i, p := range problems(t, diags) {
		if p.token == token {
			out = append(out, diags[i])
		}
	}
	return out
}

// A shape that the rule does not fit while the stream runs is a named state with the place.
func TestRuleDoesNotFit(t *testing.T) {
	without := newTable("orders", "id", int8Type, "total", int8Type)
	s := newStep(t, placed)
	_, err := s.run(transaction(16, insert(without, 1, 5)))
	p := capture.AsProblem(err)
	if p == nil || p.State != "rule_does_not_fit" || !p.Halted || !strings.Contains(p.Reason, "status") || p.Fix == "" {
		t.Errorf("%v", err)
	}
}

// The settings of a block tell the daemon what they need.
func TestSettings(t *testing.T) {
	s, diags := load(t, strings.Replace(placed, "key   = row.id", "topic = \"orders\"\n memory = \"10MiB\"", 1))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if topics := s.Topics(); len(topics) != 1 || topics[0] != "orders" || s.Memory() != 20<<20 || !s.Publishes() {
		t.Errorf("topics %q, memory %d", topics, s.Memory())
	}
	if d := aggregate.NewSettings(); d.Limit != 1<<20 || d.Kept != 64<<20 {
		t.Errorf("defaults %+v", d)
	}
}
