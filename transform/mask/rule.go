package mask

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// rule is a mask block that is not compiled for a table yet. Any goroutine may use it.
type rule struct {
	rules.Block
	tables   rules.Patterns
	columns  []column
	complete bool // every expression is known; in an offline check some may not be
}

// column is one attribute of columns.
type column struct {
	name  string
	at    hcl.Range // of the name
	value hcl.Range
	row   *expr.Row // nil: the column becomes null
	reads []string  // columns that the expression reads
}

// newRule returns the rule of a block, with the problems that the file shows.
func newRule(s *Settings) (*rule, hcl.Diagnostics) {
	r := &rule{Block: rules.Block{Title: fmt.Sprintf("mask %q", s.Table), At: s.Range}, complete: true}
	var diags hcl.Diagnostics
	r.tables, diags = rules.NewPatterns(s.Range, s.Table)
	if s.Columns == nil {
		r.complete = false
		return r, diags
	}
	object, is := s.Columns.Syntax().(*hclsyntax.ObjectConsExpr)
	if !is {
		return r, append(diags, rules.Fault(s.Columns.Range(), "columns is not an object", "Write columns = { email = hmac(row.email, local.key), phone = null }."))
	}
	if len(object.Items) == 0 {
		diags = append(diags, rules.Fault(s.Columns.Range(), "the block masks no column", "Name one, such as columns = { email = null }."))
	}
	for _, item := range object.Items {
		diags = append(diags, r.add(s.Columns, item)...)
	}
	return r, diags
}

// add adds the mask of one column.
func (r *rule) add(e *config.Expression, item hclsyntax.ObjectConsItem) hcl.Diagnostics {
	c := column{at: item.KeyExpr.Range(), value: item.ValueExpr.Range()}
	key, diags := e.Evaluate(item.KeyExpr, nil)
	switch {
	case diags.HasErrors():
		return diags
	case !key.IsKnown():
		r.complete = false
		return nil
	case key.IsNull() || key.Type() != cty.String || key.AsString() == "":
		return hcl.Diagnostics{rules.Fault(c.at, "this is not the name of a column", `Write it as it is in the table, such as email or "Full Name".`)}
	}
	c.name = key.AsString()
	if slices.ContainsFunc(r.columns, func(o column) bool { return o.name == c.name }) {
		return hcl.Diagnostics{rules.Fault(c.at, fmt.Sprintf("column %q is masked twice", c.name), "Remove one of them.")}
	}
	if diags = c.check(item.ValueExpr); diags.HasErrors() {
		return diags
	}
	if !isNull(e, item.ValueExpr) {
		if c.row, diags = expr.NewRow(e.Part(item.ValueExpr), expr.Names{}); diags.HasErrors() {
			return diags
		}
		r.complete = r.complete && c.row != nil
	}
	r.columns = append(r.columns, c)
	return diags
}

// check reports the names that a mask cannot depend on: the two images of an update have to give the same text for the same value. It
// notes the columns that the expression reads.
func (c *column) check(x hclsyntax.Expression) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, t := range x.Variables() {
		switch t.RootName() {
		case "row":
			if name, ok := columnOf(t); ok {
				c.reads = append(c.reads, name)
			}
		case "old", "op", "table", "tx", "source":
			diags = append(diags, rules.Fault(t.SourceRange(), fmt.Sprintf("a mask does not know %q", t.RootName()),
				"It depends on the values of the row alone, so that equal values stay equal: use row."))
		}
	}
	return diags
}

// columnOf returns the column that a traversal such as row.email or row["Full Name"] reads.
func columnOf(t hcl.Traversal) (string, bool) {
	if len(t) < 2 {
		return "", false
	}
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String {
			return step.Key.AsString(), true
		}
	}
	return "", false
}

// isNull reports whether an expression is null for every row.
func isNull(e *config.Expression, x hclsyntax.Expression) bool {
	if slices.ContainsFunc(x.Variables(), func(t hcl.Traversal) bool { return t.RootName() != "local" }) {
		return false
	}
	v, diags := e.Evaluate(x, nil)
	return !diags.HasErrors() && v.IsKnown() && v.IsNull()
}
