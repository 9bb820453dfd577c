// Package changes is the block changes: the plain changes of rows that a sink publishes next to the events that other blocks make.
package changes

import (
	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/rules"
)

// Settings is a changes block. Without attributes it admits the changes of all tables.
type Settings struct {
	// `schema.table`; `*` is a wildcard.
	//
	// Default: all tables
	Tables config.Texts `hcl:"tables,optional"`
	// Tables to leave out.
	Except config.Texts `hcl:"except,optional"`

	all            bool // of the tables that except does not match
	tables, except rules.Patterns
}

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	var diags, more hcl.Diagnostics
	s.all = !at.Given("tables")
	s.tables, diags = rules.NewPatterns(at.At("tables"), s.Tables...)
	s.except, more = rules.NewPatterns(at.At("except"), s.Except...)
	if len(s.Tables) == 0 && !s.all && at.Known("tables") {
		diags = append(diags, rules.Fault(at.At("tables"), "the list has no table", "Remove the block, or the attribute for all tables."))
	}
	return append(diags, more...)
}

// CheckNames implements daemon.TableNamer.
func (s *Settings) CheckNames(selects func(schema, table string) bool) hcl.Diagnostics {
	return s.tables.CheckNames(selects)
}

// CheckTables implements daemon.TableChecker.
func (s *Settings) CheckTables(live []*capture.Table) hcl.Diagnostics {
	return append(s.tables.Check(live), s.except.Check(live)...)
}

// Admits implements daemon.Admitter.
func (s *Settings) Admits(schema, table string) bool {
	return (s.all || s.tables.Match(schema, table)) && !s.except.Match(schema, table)
}

// Uses reports whether the block names a table.
func (s *Settings) Uses(schema, table string) bool { return s.tables.Match(schema, table) }

// Publishes implements daemon.Publisher: a sink with the block publishes no other changes.
func (s *Settings) Publishes() bool { return true }

// Step implements daemon.StepSettings. The step passes on every event: what no block admits is dropped after the last step.
func (s *Settings) Step(transform.Site, *zap.Logger) (transform.Func, error) {
	return func(dst []transform.Event, e transform.Event) ([]transform.Event, error) { return append(dst, e), nil }, nil
}
