package outbox

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

// Settings is an outbox block.
type Settings struct {
	Table    string             `hcl:"table"`
	ID       *config.Expression `hcl:"id,optional"`
	Topic    *config.Expression `hcl:"topic,optional"`
	Key      *config.Expression `hcl:"key,optional"`
	Type     *config.Expression `hcl:"type,optional"`
	Data     *config.Expression `hcl:"data"`
	Headers  *config.Expression `hcl:"headers,optional"`
	OnUpdate string             `hcl:"on_update,optional"`
	Snapshot bool               `hcl:"snapshot,optional"`
	Cleanup  string             `hcl:"cleanup,optional"`
	Range    hcl.Range          `hcl:",range"`

	at config.Positions
}

// NewSettings returns settings with the defaults.
func NewSettings() *Settings { return &Settings{OnUpdate: "reject", Snapshot: true, Cleanup: "none"} }

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	s.at = at
	_, diags := newRule(s)
	if s.OnUpdate != "reject" && s.OnUpdate != "ignore" {
		diags = append(diags, rules.Fault(at.At("on_update"), fmt.Sprintf("on_update is %q", s.OnUpdate), `Write "reject" or "ignore".`))
	}
	if s.Cleanup != "none" && s.Cleanup != "delete" {
		diags = append(diags, rules.Fault(at.At("cleanup"), fmt.Sprintf("cleanup is %q", s.Cleanup), `Write "none" or "delete".`))
	}
	return diags
}

// Publishes implements daemon.Publisher.
func (s *Settings) Publishes() bool { return true }

// Deletes implements daemon.Deleter.
func (s *Settings) Deletes() bool { return s.Cleanup == "delete" }

// DeletesFrom implements daemon.Deleter.
func (s *Settings) DeletesFrom(schema, table string) bool {
	r, diags := newRule(s)
	return !diags.HasErrors() && s.Deletes() && r.tables.Match(schema, table)
}

// Topics returns the topic if it does not depend on a row.
func (s *Settings) Topics() []string { return rules.Topics(s.Topic) }

// Step implements daemon.StepSettings.
func (s *Settings) Step(at transform.Site, _ *zap.Logger) (transform.Func, error) {
	r, diags := newRule(s)
	if err := r.Usable(r.complete, diags); err != nil {
		return nil, err
	}
	return newStep(r, at).apply, nil
}

// CheckTables implements daemon.TableChecker.
func (s *Settings) CheckTables(live []*capture.Table) hcl.Diagnostics {
	r, diags := newRule(s)
	if diags.HasErrors() || !r.complete {
		return nil // it was reported when the file was read, or cannot be known
	}
	diags = r.tables.Check(live)
	for _, t := range live {
		if !r.tables.Match(t.Schema, t.Name) {
			continue
		}
		if s.Deletes() && len(t.Key) == 0 {
			diags = append(diags, rules.Fault(s.at.At("cleanup"), fmt.Sprintf(`cleanup = "delete" needs a key of table %s`, t),
				"Rows are deleted by their primary key: add one."))
		}
		for _, op := range r.operations() {
			_, problems := r.compile(expr.Shape{Table: t, Op: op})
			diags = append(diags, problems...)
		}
	}
	return rules.Once(diags)
}
