package explain

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// RowFilter is implemented by settings of a source that drops rows before the pipeline gets them.
type RowFilter interface {
	// ExplainWhere applies the condition of the change's table: it reports whether the change passes, and may make an update an insert
	// or a delete. has is false when the table has no condition that the daemon evaluates.
	ExplainWhere(pipeline string, c *capture.Change) (when rules.Condition, passes, has bool, err error)
}

// explainWhere applies the source's condition to a change. It returns nil when the source has none for the table.
func explainWhere(p config.Pipeline, c *capture.Change) (*Rule, error) {
	source, can := p.Source.Settings.(RowFilter)
	if !can {
		return nil, nil
	}
	given := *c
	when, passes, has, err := source.ExplainWhere(p.Name, c)
	if err != nil || !has {
		return nil, err
	}
	r := &Rule{Block: when.Block, Matched: passes}
	switch {
	case !passes:
		r.Why = "the source drops the change: no sink gets it"
	case c.Op != given.Op && c.Op == capture.Insert:
		r.Why = "the old row does not match: the sinks get an insert"
	case c.Op != given.Op:
		r.Why = fmt.Sprintf("the new row does not match: the sinks get %s %s", article(c.Op), c.Op)
	}
	if given.Op != capture.Truncate {
		o := when.When.Explain(expr.Shape{Table: given.Table, Op: given.Op, Pipeline: p.Name}, &expr.Input{Change: &given})
		r.When = &o
	}
	return r, nil
}
