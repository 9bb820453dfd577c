package event

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/expr"
)

// compiled is a rule that is compiled for one shape of a table and one operation. One goroutine at a time may use it.
//
// It has its parts by value and in the order in which a change needs them, so that they are next to each other in memory.
type compiled struct {
	conditional bool           // otherwise it holds for every row
	when        expr.Condition // if conditional
	name        string         // of the rule
	parts       envelope.Compiled
	data        expr.Value
	counter     *transform.Rule // of the rule
	rule        *rule
	order       int // of the rule in the file
}

// compile compiles the rule for a shape. It returns nil without an error when no change of the shape can match.
func (r *rule) compile(s expr.Shape) (*compiled, hcl.Diagnostics) {
	c := &compiled{rule: r, name: r.name}
	var diags hcl.Diagnostics
	if r.when != nil {
		var when *expr.Condition
		if when, diags = r.when.Condition(s); diags.HasErrors() {
			return nil, diags
		}
		switch holds, constant := when.Constant(); {
		case constant && !holds:
			return nil, nil
		case !constant:
			c.conditional, c.when = true, *when
		}
	}
	s.Unchanged = r.unchanged
	parts, problems := r.parts.Compile(s)
	diags = append(diags, problems...)
	data, problems := r.data.Value(s)
	if diags = append(diags, problems...); diags.HasErrors() {
		return nil, diags
	}
	c.parts, c.data = *parts, *data
	return c, diags
}
