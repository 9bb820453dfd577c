package rowfilter

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Rows applies a Filter. It implements decode.RowFilter; one goroutine uses it.
type Rows struct {
	filter *Filter
	shapes rules.Shapes[*conditions]
	in     expr.Input
	old    capture.Change // the old row of an update, as a delete
}

// Rows returns the filter for one goroutine.
func (f *Filter) Rows() *Rows { return &Rows{filter: f} }

// Reads implements decode.RowFilter.
func (r *Rows) Reads() []string { return r.filter.reads }

// Apply implements decode.RowFilter, with the semantics of a publication's row filter: a row passes if the condition is true for it. An
// update whose old row did not pass and whose new row does becomes an insert, and the reverse becomes a delete. An update without an
// old row has changed no column of the replica identity, and the condition reads no other one of old rows. The table of c has all of
// its columns.
func (r *Rows) Apply(c *capture.Change) (bool, error) {
	when, err := r.shapes.Of(c.Table, r.compile)
	if err != nil {
		return false, err
	}
	passes, err := r.holds(when[c.Op], c)
	if err != nil || c.Op != capture.Update || c.Before == nil {
		return passes, err
	}
	r.old = *c
	r.old.Op, r.old.After = capture.Delete, nil
	passed, err := r.holds(when[capture.Delete], &r.old)
	switch {
	case err != nil:
		return false, err
	case passes && !passed:
		c.Op, c.Before = capture.Insert, nil
	case passed && !passes:
		c.Op, c.After = capture.Delete, nil
	}
	return passes || passed, nil
}

func (r *Rows) compile(t *capture.Table) (*conditions, error) {
	when, diags := r.filter.compile(t)
	return when, r.filter.block.DoesNotFit(t, diags)
}

// holds evaluates a condition. An error is a *capture.Problem: a row of which it is not known whether it passes goes nowhere.
func (r *Rows) holds(condition *expr.Condition, c *capture.Change) (bool, error) {
	r.in.Change = c
	holds, err := condition.Holds(&r.in)
	if err == nil || capture.AsProblem(err) != nil {
		return holds, err
	}
	return false, &capture.Problem{
		State: "where_failed", Halted: true, Err: err,
		Reason: fmt.Sprintf("%s cannot be evaluated for the %s of %s at %s", r.filter.block, c.Op, c.Table, c.At()),
		Fix:    "change where so that it has a result for this row, and restart",
	}
}
