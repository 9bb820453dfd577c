package aggregate

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/rules"
)

// CheckNames implements daemon.TableNamer.
func (s *Settings) CheckNames(selects func(schema, table string) bool) hcl.Diagnostics {
	r, _ := newRule(s)
	diags := r.table.CheckNames(selects)
	for i := range r.children {
		diags = append(diags, r.children[i].table.CheckNames(selects)...)
	}
	return diags
}

// CheckTables implements daemon.TableChecker.
func (s *Settings) CheckTables(live []*capture.Table) hcl.Diagnostics {
	r, diags := newRule(s)
	if diags.HasErrors() || !r.complete {
		return nil // it was reported when the file was read, or cannot be known
	}
	root, diags := r.table.find(live)
	of := make([]*capture.Table, len(r.children))
	for i := range r.children {
		c := &r.children[i]
		t, problems := c.table.find(live)
		if of[i], diags = t, append(diags, problems...); t != nil && root != nil {
			_, problems := c.compileJoin(root, t)
			_, more := c.compileOrder(t)
			diags = append(append(diags, problems...), more...)
		}
	}
	if root == nil || slices.Contains(of, nil) {
		return diags
	}
	return rules.Once(append(diags, r.check(root, of)...))
}

// find returns the live table; nil, with a problem, when the source publishes none or its rows cannot be told apart.
func (t table) find(live []*capture.Table) (*capture.Table, hcl.Diagnostics) {
	i := slices.IndexFunc(live, func(l *capture.Table) bool { return t.Match(l.Schema, l.Name) })
	if i < 0 {
		return nil, t.Check(live)
	}
	if diags := checkIdentity(t, live[i]); diags != nil {
		return nil, diags
	}
	return live[i], nil
}

// check compiles the rule for every operation that its condition admits.
func (r *rule) check(root *capture.Table, of []*capture.Table) hcl.Diagnostics {
	admits, diags := r.admissions(root)
	if diags.HasErrors() {
		return diags
	}
	never := true
	for _, op := range operations {
		if admits[op].never {
			continue
		}
		never = false
		_, problems := r.compile(root, op, of)
		diags = append(diags, problems...)
	}
	if never {
		diags = append(diags, rules.Fault(r.whenAt, fmt.Sprintf("%s never matches", r.Title),
			"The condition is false for every insert, update and delete. An aggregate does not take the rows of a snapshot, nor a truncate."))
	}
	return diags
}
