// Package filter is the block filter: it drops the changes of tables for which a condition is false.
package filter

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Settings is a filter block.
type Settings struct {
	Table string `hcl:"table,label"`
	// What passes. A null is false. A TRUNCATE always passes.
	When  *config.Expression `hcl:"when"`
	Range hcl.Range          `hcl:",range"`
}

// rule is a filter block that is not compiled for a table yet.
type rule struct {
	rules.Block
	tables rules.Patterns
	when   *expr.Row // nil: it is not known, in an offline check
}

func newRule(s *Settings) (*rule, hcl.Diagnostics) {
	r := &rule{Block: rules.Block{Title: fmt.Sprintf("filter %q", s.Table), At: s.Range}}
	var diags hcl.Diagnostics
	r.tables, diags = rules.NewPatterns(s.Range, s.Table)
	if s.When == nil {
		return r, diags
	}
	when, problems := expr.NewRow(s.When, expr.Names{})
	r.when = when
	return r, append(diags, problems...)
}

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(config.Positions) hcl.Diagnostics {
	_, diags := newRule(s)
	return diags
}

// Alters implements verify.Alterer: the block drops rows of a table.
func (s *Settings) Alters(schema, table string) bool {
	r, _ := newRule(s)
	return r.tables.Match(schema, table)
}

// Uses reports whether the block names a table.
func (s *Settings) Uses(schema, table string) bool { return s.Alters(schema, table) }

// CheckNames implements daemon.TableNamer.
func (s *Settings) CheckNames(selects func(schema, table string) bool) hcl.Diagnostics {
	r, _ := newRule(s)
	return r.tables.CheckNames(selects)
}

// CheckTables implements daemon.TableChecker.
func (s *Settings) CheckTables(live []*capture.Table) hcl.Diagnostics {
	r, diags := newRule(s)
	if diags.HasErrors() || r.when == nil {
		return nil // it was reported when the file was read, or cannot be known
	}
	tables, passes := 0, false
	diags = r.tables.CheckEach(live, func(t *capture.Table) hcl.Diagnostics {
		when, problems := r.compile(expr.Shape{Table: t})
		tables, passes = tables+1, passes || problems.HasErrors() || !when.never()
		return problems
	})
	if tables > 0 && !passes {
		diags = append(diags, rules.Fault(s.When.Range(), fmt.Sprintf("%s never matches", r.Title),
			"The condition is false for every operation, so no row passes. To publish no changes of a table, leave it out of the tables of "+
				"the source, or write changes { except = [...] } in a sink."))
	}
	return diags
}

// Step implements daemon.StepSettings.
func (s *Settings) Step(at transform.Site, _ *zap.Logger) (transform.Func, error) {
	r, diags := newRule(s)
	if diags.HasErrors() {
		return nil, diags
	}
	if r.when == nil {
		return nil, fmt.Errorf("%s uses a value that is not known", r)
	}
	f := &filter{rule: r, site: at, counter: at.Rules.Add(r.Title, nil)}
	return f.apply, nil
}
