package aggregate

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// admissions compiles the condition for a shape of the table.
func (r *rule) admissions(t *capture.Table) (by [len(operations)]admission, diags hcl.Diagnostics) {
	if r.when == nil {
		return by, nil
	}
	for _, op := range operations {
		when, problems := r.when.Condition(expr.Shape{Table: t, Op: op, Pipeline: r.site.Pipeline, Memory: r.frames})
		if diags = append(diags, problems...); problems.HasErrors() {
			continue
		}
		if holds, constant := when.Constant(); constant {
			by[op].never = !holds
		} else {
			by[op].when = when
		}
	}
	return by, diags
}

// checkIdentity reports a table whose rows cannot be told apart.
func checkIdentity(at table, t *capture.Table) hcl.Diagnostics {
	if len(identity(t)) > 0 {
		return nil
	}
	return hcl.Diagnostics{rules.Fault(at.at, fmt.Sprintf("table %s has no key", t),
		fmt.Sprintf("An aggregate identifies rows by their keys. Give the table a primary key, or write key = [...] in a block "+
			"table %q of the source.", t))}
}

// program is what a rule has compiled for one shape of its table, one operation, and the shapes of the children's tables.
type program struct {
	of    []*capture.Table // of the children; nil: no change has shown the shape yet, so that there are no children
	parts *envelope.Compiled
	data  *expr.Value
}

// shape returns what the expressions of an event are compiled for.
func (r *rule) shape(t *capture.Table, op capture.Op, of []*capture.Table) expr.Shape {
	s := expr.Shape{
		Table: t, Op: op, Children: map[string]*capture.Table{}, Pipeline: r.site.Pipeline, NumericAsNumber: r.site.NumericAsNumber, Memory: r.frames,
		ChildUpdated: op != capture.Insert || r.unchanged != expr.Refuse, Unchanged: r.unchanged,
	}
	for i := range r.children {
		s.Children[r.children[i].as] = of[i]
	}
	return s
}

// compile compiles what an event consists of.
//
// The children of a row that is inserted are inserted too, as a rule, so that all their values are in the log. One that is updated, and
// whose value is not, makes the evaluation fail.
func (r *rule) compile(t *capture.Table, op capture.Op, of []*capture.Table) (*program, hcl.Diagnostics) {
	s := r.shape(t, op, of)
	p := &program{of: of}
	var diags, problems hcl.Diagnostics
	p.parts, diags = r.parts.Compile(s)
	p.data, problems = r.data.Value(s)
	return p, append(diags, problems...)
}
