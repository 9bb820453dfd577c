package event

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/expr"
)

// compiled is a rule that is compiled for one shape of a table and one operation. One goroutine at a time may use it.
type compiled struct {
	rule    *rule
	order   int             // of the rule in the file
	counter *transform.Rule // of the rule
	when    *expr.Condition // nil: it holds for every row
	parts   *envelope.Compiled
	data    *expr.Value
}

// compile compiles the rule for a shape. It returns nil without an error when no change of the shape can match.
func (r *rule) compile(s expr.Shape) (*compiled, hcl.Diagnostics) {
	c := &compiled{rule: r}
	var diags hcl.Diagnostics
	if r.when != nil {
		if c.when, diags = r.when.Condition(s); diags.HasErrors() {
			return nil, diags
		}
		switch holds, constant := c.when.Constant(); {
		case constant && !holds:
			return nil, nil
		case constant:
			c.when = nil
		}
	}
	s.Unchanged = r.unchanged
	var problems hcl.Diagnostics
	c.parts, problems = r.parts.Compile(s)
	diags = append(diags, problems...)
	c.data, problems = r.data.Value(s)
	if diags = append(diags, problems...); diags.HasErrors() {
		return nil, diags
	}
	return c, diags
}
