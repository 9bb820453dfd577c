// Package refresh is the block refresh of a cache: each change of a row gives the value that the cache has for it from then on.
package refresh

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/cachekey"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Settings is a refresh block.
type Settings struct {
	Table string `hcl:"table,label"`
	// The key, a template of values of the row, such as `"user:${row.id}"`.
	Key *config.Expression `hcl:"key"`
	// The value, such as `{ id = row.id, name = row.name }`, stored as JSON.
	Value *config.Expression `hcl:"value"`
	// What Redis stores: `string`, the value as JSON; `hash`, the members of an object as fields. A text is a field as it is, any other
	// member is JSON, and null has no field.
	Type string `hcl:"type,optional"`
	// How long the value lives unless the row changes.
	//
	// Default: it does not expire
	TTL   config.Duration `hcl:"ttl,optional"`
	Range hcl.Range       `hcl:",range"`
}

// rule is a refresh block that is not compiled for a table yet.
type rule struct {
	rules.Block
	tables rules.Patterns
	key    *cachekey.Templates
	value  *expr.Row // nil: it is not known, in an offline check
}

func newRule(s *Settings) (*rule, hcl.Diagnostics) {
	r := &rule{Block: rules.Block{Title: fmt.Sprintf("refresh %q", s.Table), At: s.Range}, key: &cachekey.Templates{}}
	var diags hcl.Diagnostics
	r.tables, diags = rules.NewPatterns(s.Range, s.Table)
	if s.Key != nil {
		key, problems := cachekey.NewOne(s.Key)
		r.key, diags = key, append(diags, problems...)
	}
	if s.Value != nil {
		value, problems := expr.NewRow(s.Value, expr.Names{})
		r.value, diags = value, append(diags, problems...)
	}
	return r, diags
}

func (r *rule) complete() bool { return r.key.Complete() && r.value != nil }

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	_, diags := newRule(s)
	if s.Type != "string" && s.Type != "hash" && at.Known("type") {
		diags = append(diags, rules.Fault(at.At("type"), fmt.Sprintf("there is no type %q", s.Type), `Write "string", the default, or "hash".`))
	}
	return diags
}

// NewSettings returns the settings of an empty block: the defaults.
func NewSettings() *Settings { return &Settings{Type: "string"} }

// Hash reports whether values are stored as hashes.
func (s *Settings) Hash() bool { return s.Type == "hash" }

// Publishes implements daemon.Publisher.
func (s *Settings) Publishes() bool { return true }

// KeyPrefixes returns what the keys of the block begin with.
func (s *Settings) KeyPrefixes() []string {
	r, _ := newRule(s)
	return r.key.Prefixes()
}

// Lifetime returns how long a value lives; 0: it does not expire.
func (s *Settings) Lifetime() time.Duration {
	if s.TTL == config.Never {
		return 0
	}
	return time.Duration(s.TTL)
}

// CheckNames implements daemon.TableNamer.
func (s *Settings) CheckNames(selects func(schema, table string) bool) hcl.Diagnostics {
	r, _ := newRule(s)
	return r.tables.CheckNames(selects)
}

// CheckTables implements daemon.TableChecker.
func (s *Settings) CheckTables(live []*capture.Table) hcl.Diagnostics {
	r, diags := newRule(s)
	if diags.HasErrors() || !r.complete() {
		return nil // it was reported when the file was read, or cannot be known
	}
	return r.tables.CheckEach(live, func(t *capture.Table) hcl.Diagnostics {
		_, problems := r.compile(expr.Shape{Table: t})
		return problems
	})
}

// Step implements daemon.StepSettings.
func (s *Settings) Step(at transform.Site, _ *zap.Logger) (transform.Func, error) {
	r, diags := newRule(s)
	if diags.HasErrors() {
		return nil, diags
	}
	if !r.complete() {
		return nil, fmt.Errorf("%s uses a value that is not known", r)
	}
	f := &step{rule: r, site: at, counter: at.Rules.Add(r.Title, nil)}
	return f.apply, nil
}
