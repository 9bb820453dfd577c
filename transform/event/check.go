package event

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// CheckNames implements daemon.TableNamer.
func (s *Settings) CheckNames(selects func(schema, table string) bool) hcl.Diagnostics {
	r, _ := newRule(s)
	return r.tables.CheckNames(selects)
}

// CheckTables implements daemon.TableChecker.
func (s *Settings) CheckTables(live []*capture.Table) hcl.Diagnostics {
	r, diags := newRule(s)
	if diags.HasErrors() || !r.complete {
		return nil // it was reported when the file was read, or cannot be known
	}
	diags = r.tables.Check(live)
	tables, matches := 0, false
	for _, t := range live {
		if !r.tables.Match(t.Schema, t.Name) {
			continue
		}
		tables++
		for _, op := range r.operations() {
			c, problems := r.compile(expr.Shape{Table: t, Op: op})
			diags = append(diags, problems...)
			matches = matches || c != nil || problems.HasErrors()
		}
	}
	if tables > 0 && !matches {
		diags = append(diags, rules.Fault(r.whenAt, fmt.Sprintf("%s never matches", r.Title),
			"The condition is false for every operation. op is insert, update, delete, truncate or read, and old is null for an insert."))
	}
	return rules.Once(diags)
}
