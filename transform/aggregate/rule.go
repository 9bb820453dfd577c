package aggregate

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// rule is an aggregate block that is not compiled for a table yet. Any goroutine may use it.
type rule struct {
	rules.Block
	name      string
	site      transform.Site // zero in a check
	frames    *expr.Memory   // of all compiled expressions; nil in a check
	table     table
	when      *expr.Row // nil: every insert, update and delete
	parts     *envelope.Parts
	data      *expr.Row
	unchanged expr.Unchanged
	children  []child
	limit     int64
	memory    int64
	whenAt    hcl.Range
	complete  bool // every expression is known; in an offline check some may not be
}

// table is the exact name of a table and its place in the file.
type table struct {
	rules.Patterns
	at hcl.Range
}

// child is a child block.
type child struct {
	as    string
	table table
	join  []equality
	order *column // nil: the children are in the order in which they first appear in the transaction
}

// operations are those that give aggregates.
var operations = [...]capture.Op{capture.Insert, capture.Update, capture.Delete}

// newRule returns the rule of a block, with the problems that the block itself has; its child blocks report their own.
func newRule(s *Settings) (*rule, hcl.Diagnostics) {
	r := &rule{
		Block: rules.Block{Title: fmt.Sprintf("aggregate %q", s.Name), At: s.Range},
		name:  s.Name, whenAt: s.Range, limit: int64(s.Limit), memory: int64(s.Kept), unchanged: s.Unchanged(),
	}
	joined := true
	var names expr.Names
	for i := range s.Children {
		c, problems := newChild(&s.Children[i])
		joined = joined && !problems.HasErrors() && len(c.join) > 0
		r.children = append(r.children, c)
		names.Lists = append(names.Lists, c.as)
	}
	var diags, problems hcl.Diagnostics
	r.table, diags = newTable(s.at, "table", s.Table)
	r.parts, r.complete, problems = s.Parts(names)
	diags = append(diags, problems...)
	r.when, problems = expr.NewRow(s.When, expr.Names{})
	diags = append(diags, problems...)
	r.data, problems = expr.NewRow(s.Data, names)
	diags = append(diags, problems...)
	r.complete = r.complete && joined && (r.when == nil) == (s.When == nil) && r.data != nil
	if s.When != nil {
		r.whenAt = s.When.Range()
	}
	return r, diags
}

// newTable returns the table that a block names exactly: rows of several tables with the same key would be taken for one row.
func newTable(at config.Positions, attribute, text string) (table, hcl.Diagnostics) {
	t := table{at: at.At(attribute)}
	if !at.Known(attribute) {
		return t, nil
	}
	for i := range len(text) {
		if text[i] == '*' {
			return t, hcl.Diagnostics{rules.Fault(t.at, fmt.Sprintf("%q is not the name of one table", text),
				"An aggregate has one table, and so has each of its child blocks. Write an aggregate for each table.")}
		}
	}
	var diags hcl.Diagnostics
	t.Patterns, diags = rules.NewPatterns(t.at, text)
	return t, diags
}

func newChild(s *ChildSettings) (child, hcl.Diagnostics) {
	c := child{as: s.As}
	var diags hcl.Diagnostics
	c.table, diags = newTable(s.at, "table", s.Table)
	if s.Join != nil {
		join, problems := parseJoin(s.Join.Syntax())
		c.join, diags = join, append(diags, problems...)
	}
	if s.OrderBy != nil {
		order, problems := parseOrder(s.OrderBy.Syntax())
		c.order, diags = order, append(diags, problems...)
	}
	return c, diags
}
