package event

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/headers"
	"github.com/tailrace/tailrace/transform/rules"
)

// rule is an event block that is not compiled for a table yet. Any goroutine may use it.
type rule struct {
	rules.Block
	name        string
	tables      rules.Patterns
	when        *expr.Row // nil: every insert, update, delete and read
	key         *expr.Row // nil: the sink's format makes the key
	data        *expr.Row
	topic       *expr.Row // nil: the sink's topic; and so on
	id          *expr.Row
	partition   *expr.Row
	subject     *expr.Row
	headers     *headers.Object
	unchanged   expr.Unchanged
	truncates   bool      // when has the literal "truncate"
	whenAt      hcl.Range // of the condition, else of the block
	partitionAt hcl.Range
	complete    bool // every expression is known; in an offline check some may not be
}

// newRule returns the rule of a block, with the problems that the file shows.
func newRule(s *Settings) (*rule, hcl.Diagnostics) {
	r := &rule{
		Block: rules.Block{Title: fmt.Sprintf("event %q", s.Name), At: s.Range},
		name:  s.Name, whenAt: s.Range, complete: true,
		unchanged: map[string]expr.Unchanged{"omit": expr.Omit, "reject": expr.Reject}[s.OnUnchanged],
	}
	var diags hcl.Diagnostics
	r.tables, diags = rules.NewPatterns(s.at.At("table"), s.Table...)
	for _, x := range []struct {
		row  **expr.Row
		expr *config.Expression
	}{
		{&r.when, s.When},
		{&r.key, s.Key},
		{&r.data, s.Data},
		{&r.topic, s.Topic},
		{&r.id, s.ID},
		{&r.partition, s.Partition},
		{&r.subject, s.Subject},
	} {
		if x.expr == nil {
			continue
		}
		row, problems := expr.NewRow(x.expr, expr.Names{})
		*x.row, diags = row, append(diags, problems...)
		r.complete = r.complete && row != nil
	}
	if s.Headers != nil {
		object, problems := headers.New(s.Headers, expr.Names{})
		r.headers, diags = object, append(diags, problems...)
		r.complete = r.complete && object != nil
	}
	if s.Partition != nil {
		r.partitionAt = s.Partition.Range()
	}
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
