// Package invalidate is the block invalidate of a cache: each change of a row gives the keys that it makes outdated.
package invalidate

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/cachekey"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Settings is an invalidate block.
type Settings struct {
	Table string `hcl:"table,label"`
	// The keys, templates of values of the row, such as `["order:${row.id}", "orders:${row.customer}"]`. Each begins with a text.
	Keys  *config.Expression `hcl:"keys"`
	Range hcl.Range          `hcl:",range"`
}

// rule is an invalidate block that is not compiled for a table yet.
type rule struct {
	rules.Block
	tables rules.Patterns
	keys   *cachekey.Templates
}

func newRule(s *Settings) (*rule, hcl.Diagnostics) {
	r := &rule{Block: rules.Block{Title: fmt.Sprintf("invalidate %q", s.Table), At: s.Range}, keys: &cachekey.Templates{}}
	var diags hcl.Diagnostics
	r.tables, diags = rules.NewPatterns(s.Range, s.Table)
	if s.Keys == nil {
		return r, diags
	}
	keys, problems := cachekey.NewList(s.Keys)
	r.keys = keys
	return r, append(diags, problems...)
}

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(config.Positions) hcl.Diagnostics {
	_, diags := newRule(s)
	return diags
}

// Publishes implements daemon.Publisher.
func (s *Settings) Publishes() bool { return true }

// KeyPrefixes returns what the keys of the block begin with.
func (s *Settings) KeyPrefixes() []string {
	r, _ := newRule(s)
	return r.keys.Prefixes()
}

// CheckNames implements daemon.TableNamer.
func (s *Settings) CheckNames(selects func(schema, table string) bool) hcl.Diagnostics {
	r, _ := newRule(s)
	return r.tables.CheckNames(selects)
}

// CheckTables implements daemon.TableChecker.
func (s *Settings) CheckTables(live []*capture.Table) hcl.Diagnostics {
	r, diags := newRule(s)
	if diags.HasErrors() || !r.keys.Complete() {
		return nil // it was reported when the file was read, or cannot be known
	}
	return r.tables.CheckEach(live, func(t *capture.Table) hcl.Diagnostics {
		_, problems := r.keys.Compile(expr.Shape{Table: t})
		return problems
	})
}

// Step implements daemon.StepSettings.
func (s *Settings) Step(at transform.Site, _ *zap.Logger) (transform.Func, error) {
	r, diags := newRule(s)
	if diags.HasErrors() {
		return nil, diags
	}
	if !r.keys.Complete() {
		return nil, fmt.Errorf("%s uses a value that is not known", r)
	}
	f := &step{rule: r, site: at, counter: at.Rules.Add(r.Title, nil)}
	return f.apply, nil
}
