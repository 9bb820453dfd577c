// Package rowfilter evaluates the where of a table block with enforce = "daemon": it decides which rows of a table are delivered, as
// the row filter of a publication does on the server.
package rowfilter

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Filter is the condition of a table block, which is not compiled for a table yet. Any goroutine may use it.
type Filter struct {
	block    rules.Block
	when     *expr.Row
	reads    []string
	pipeline string
}

// New returns the filter of a where in the block of a table, with the problems that the file shows. It is nil with problems, and when
// the expression is not known because the check is offline.
func New(table string, where *config.Expression) (*Filter, hcl.Diagnostics) {
	f := &Filter{block: rules.Block{Title: fmt.Sprintf("where of table %q", table), At: where.Range()}}
	var diags hcl.Diagnostics
	for _, t := range where.Syntax().Variables() {
		switch name := t.RootName(); name {
		case "row":
			column, ok := columnOf(t)
			if !ok {
				diags = append(diags, rules.Fault(t.SourceRange(), "where reads single columns of the row", `Write row.region == "EU".`))
			} else if !slices.Contains(f.reads, column) {
				f.reads = append(f.reads, column)
			}
		case "old", "op", "tx":
			diags = append(diags, rules.Fault(t.SourceRange(), fmt.Sprintf("where does not know %q", name),
				"It decides about one row, as the row filter of a publication does: an update is compared with both of its rows. Use row. "+
					"A filter block in the pipeline or in a sink decides about changes."))
		}
	}
	if diags.HasErrors() {
		return nil, diags
	}
	if f.when, diags = expr.NewRow(where, expr.Names{}); f.when == nil {
		return nil, diags
	}
	return f, diags
}

// In returns the filter for a pipeline with a name.
func (f *Filter) In(pipeline string) *Filter {
	named := *f
	named.pipeline = pipeline
	return &named
}

// Condition is the condition of a filter, as a rule's; see package rules.
type Condition = rules.Condition

// Explain returns the condition, and does to a change what Rows.Apply does, for the name of a pipeline.
func (f *Filter) Explain(c *capture.Change) (when Condition, passes bool, err error) {
	passes, err = f.Rows().Apply(c)
	return Condition{Block: f.block, When: f.when}, passes, err
}

// columnOf returns the column that a traversal such as row.region or row["Full Name"] reads.
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

// Check reports what of the filter does not fit a table, which has all of its columns.
func (f *Filter) Check(t *capture.Table) hcl.Diagnostics {
	_, diags := f.compile(t)
	return rules.Once(diags)
}

// conditions is the condition, compiled for each operation. That of capture.Delete is for every old row.
type conditions [capture.Message]*expr.Condition

func (f *Filter) compile(t *capture.Table) (*conditions, hcl.Diagnostics) {
	var all conditions
	var diags hcl.Diagnostics
	for _, op := range rules.Operations {
		condition, problems := f.when.Condition(expr.Shape{Table: t, Op: op, Pipeline: f.pipeline})
		if op == capture.Delete {
			for _, d := range problems {
				d.Detail = waysOut(t)
			}
		}
		all[op], diags = condition, append(diags, problems...)
	}
	return &all, diags
}

// waysOut is the detail of a column that old rows lack.
func waysOut(t *capture.Table) string {
	var identity string
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Identity && identity != "" {
			identity += ", " + c.Name
		} else if c.Identity {
			identity = c.Name
		}
	}
	if identity == "" {
		identity = "no column"
	}
	return fmt.Sprintf("The old rows of %s carry %s, and where has to know whether the old row passed. Use these columns, or ALTER TABLE %s "+
		"REPLICA IDENTITY FULL: every update and delete then writes the whole old row to the WAL.", t, identity, t)
}
