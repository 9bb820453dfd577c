package event

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/rules"
)

// Settings is an event block.
type Settings struct {
	Name string `hcl:"name,label"`
	// `schema.table`; `*` is a wildcard.
	Table config.Texts `hcl:"table"`
	// The condition. A null is false. A TRUNCATE, which has no row, is a candidate only if the condition has `op == "truncate"`.
	//
	// Default: every insert, update, delete and read
	When *config.Expression `hcl:"when,optional"`
	envelope.Settings
	Range hcl.Range `hcl:",range"`

	at config.Positions
}

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	s.at = at
	_, diags := newRule(s)
	if len(s.Table) == 0 && at.Known("table") {
		diags = append(diags, rules.Fault(at.At("table"), "the event has no table", `Write a table such as "public.orders".`))
	}
	return append(diags, s.Check(s.Name, at)...)
}

// Step implements daemon.StepSettings.
func (s *Settings) Step(at transform.Site, log *zap.Logger) (transform.Func, error) {
	return s.Fuse(at, []config.Step{{Kind: "event", Labels: []string{s.Name}, Settings: s, Range: s.Range}}, log)
}

// Fuse implements daemon.Fuser.
func (s *Settings) Fuse(at transform.Site, run []config.Step, _ *zap.Logger) (transform.Func, error) {
	var list []*rule
	for _, step := range run {
		block, is := step.Settings.(*Settings)
		if !is {
			return nil, fmt.Errorf("%s: %T is not an event block", step, step.Settings)
		}
		r, diags := newRule(block)
		if err := r.Usable(r.complete, diags); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return newEngine(list, at).apply, nil
}
