package event

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// rule is an event block that is not compiled for a table yet. Any goroutine may use it.
type rule struct {
	rules.Block
	name      string
	tables    rules.Patterns
	when      *expr.Row // nil: every insert, update, delete and read
	parts     *envelope.Parts
	data      *expr.Row
	unchanged expr.Unchanged
	truncates bool      // when has the literal "truncate"
	whenAt    hcl.Range // of the condition, else of the block
	complete  bool      // every expression is known; in an offline check some may not be
}

// newRule returns the rule of a block, with the problems that the file shows.
func newRule(s *Settings) (*rule, hcl.Diagnostics) {
	r := &rule{
		Block: rules.Block{Title: fmt.Sprintf("event %q", s.Name), At: s.Range},
		name:  s.Name, whenAt: s.Range, unchanged: s.Unchanged(),
	}
	var diags, problems hcl.Diagnostics
	r.tables, diags = rules.NewPatterns(s.at.At("table"), s.Table...)
	r.parts, r.complete, problems = s.Parts(expr.Names{})
	diags = append(diags, problems...)
	r.when, problems = expr.NewRow(s.When, expr.Names{})
	diags = append(diags, problems...)
	r.data, problems = expr.NewRow(s.Data, expr.Names{})
	diags = append(diags, problems...)
	r.complete = r.complete && (r.when == nil) == (s.When == nil) && r.data != nil
	if s.When != nil {
		r.whenAt, r.truncates = s.When.Range(), mentions(s.When.Syntax(), capture.Truncate.String())
	}
	return r, diags
}

// mentions reports whether an expression has a text as a literal.
func mentions(x hclsyntax.Expression, text string) bool {
	found := false
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		l, is := n.(*hclsyntax.LiteralValueExpr)
		found = found || is && l.Val.RawEquals(cty.StringVal(text))
		return nil
	})
	return found
}

// operations are those that the rule may admit. A truncation has no row, so a rule takes part in it only if it names it.
func (r *rule) operations() []capture.Op {
	if r.truncates {
		return append(rules.Operations[:len(rules.Operations):len(rules.Operations)], capture.Truncate)
	}
	return rules.Operations[:]
}
