package event

import (
	"strconv"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/headers"
	"github.com/tailrace/tailrace/transform/rules"
)

// compiled is a rule that is compiled for one shape of a table and one operation. One goroutine at a time may use it.
type compiled struct {
	rule      *rule
	order     int             // of the rule in the file
	counter   *transform.Rule // of the rule
	when      *expr.Condition // nil: it holds for every row
	key       *expr.Text      // nil: the block has none; and so on
	topic     *expr.Text
	id        *expr.Text
	partition *expr.Text
	subject   *expr.Text
	headers   *headers.Compiled
	data      *expr.Value
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
	for _, x := range []struct {
		text **expr.Text
		row  *expr.Row
	}{
		{&c.key, r.key}, {&c.topic, r.topic}, {&c.id, r.id}, {&c.partition, r.partition}, {&c.subject, r.subject},
	} {
		if x.row != nil {
			text, problems := x.row.Text(s)
			*x.text, diags = text, append(diags, problems...)
		}
	}
	var problems hcl.Diagnostics
	c.headers, problems = r.headers.Compile(s)
	diags = append(diags, problems...)
	c.data, problems = r.data.Value(s)
	diags = append(append(diags, problems...), c.checkPartition(r)...)
	if diags.HasErrors() {
		return nil, diags
	}
	return c, diags
}

// checkPartition reports a constant that is not the number of a partition.
func (c *compiled) checkPartition(r *rule) hcl.Diagnostics {
	if c.partition == nil {
		return nil
	}
	text, constant := c.partition.Constant()
	if n, err := strconv.ParseUint(text, 10, 31); !constant || err == nil && n <= maxPartition {
		return nil
	}
	return hcl.Diagnostics{rules.Fault(r.partitionAt, "this is not the number of a partition", "Partitions have the numbers 0, 1, 2 and so on.")}
}
