package filter

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// filter is the step of a block.
type filter struct {
	rule    *rule
	site    transform.Site
	counter *transform.Rule
	shapes  rules.Shapes[*conditions]
	in      expr.Input
	memory  expr.Memory // of all compiled conditions
}

// conditions is the condition, compiled for one shape of a table and each operation; nil for an operation that passes. A nil
// *conditions is for a table that the block does not name.
type conditions [capture.Message]*expr.Condition

// apply drops a change for which the condition is false. A truncation has no row, so it passes, as does an event that a block has
// made.
func (f *filter) apply(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
	c := e.Change
	if c.Op == capture.Message || !e.Plain() {
		return append(dst, e), nil
	}
	when, err := f.shapes.Of(c.Table, f.compile)
	if err != nil {
		return dst, err
	}
	if when == nil {
		return append(dst, e), nil
	}
	f.counter.Seen.Add(1)
	if condition := when[c.Op]; condition != nil {
		f.in.Change = c
		if holds, err := condition.Holds(&f.in); err != nil || !holds {
			return dst, f.rule.Failed(err)
		}
	}
	f.counter.Matched.Add(1)
	return append(dst, e), nil
}

func (f *filter) compile(t *capture.Table) (*conditions, error) {
	if !f.rule.tables.Match(t.Schema, t.Name) {
		return nil, nil
	}
	when, diags := f.rule.compile(expr.Shape{Table: t, Later: rules.Later(t, f.site.Tables), Pipeline: f.site.Pipeline, Memory: &f.memory})
	if err := f.rule.DoesNotFit(t, diags); err != nil {
		return nil, err
	}
	return when, nil
}

// never reports whether no operation can pass.
func (c *conditions) never() bool {
	for _, op := range rules.Operations {
		if c[op] == nil {
			return false
		}
		if holds, constant := c[op].Constant(); holds || !constant {
			return false
		}
	}
	return true
}

// compile compiles the condition for the operations that have a row.
func (r *rule) compile(s expr.Shape) (*conditions, hcl.Diagnostics) {
	var when conditions
	var diags hcl.Diagnostics
	for _, op := range rules.Operations {
		s.Op = op
		condition, problems := r.when.Condition(s)
		when[op], diags = condition, append(diags, problems...)
	}
	return &when, diags
}
