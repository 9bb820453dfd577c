package event

import (
	"fmt"
	"regexp"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/rules"
)

// Settings is an event block.
type Settings struct {
	Name        string             `hcl:"name,label"`
	Table       config.Texts       `hcl:"table"`
	When        *config.Expression `hcl:"when,optional"`
	Key         *config.Expression `hcl:"key,optional"`
	Data        *config.Expression `hcl:"data"`
	Topic       *config.Expression `hcl:"topic,optional"`
	Headers     *config.Expression `hcl:"headers,optional"`
	ID          *config.Expression `hcl:"id,optional"`
	Partition   *config.Expression `hcl:"partition,optional"`
	Subject     *config.Expression `hcl:"subject,optional"`
	OnUnchanged string             `hcl:"on_unchanged,optional"`
	Range       hcl.Range          `hcl:",range"`

	at config.Positions
}

// nameForm is what a name may consist of: it becomes the type of the event, a part of its id, and the label of a metric.
var nameForm = regexp.MustCompile(`\A[A-Za-z][A-Za-z0-9_.-]{0,99}\z`)

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	s.at = at
	_, diags := newRule(s)
	switch s.OnUnchanged {
	case "", "omit", "reject":
	default:
		diags = append(diags, rules.Fault(at.At("on_unchanged"), fmt.Sprintf("on_unchanged is %q", s.OnUnchanged), `Write "omit" or "reject".`))
	}
	switch {
	case !nameForm.MatchString(s.Name):
		diags = append(diags, rules.Fault(at.At("name"), fmt.Sprintf("%q is not the name of an event", s.Name),
			"A name has letters, digits, _, - and dots, begins with a letter, and is at most 100 characters long."))
	case s.Name == transform.SuffixDelete || s.Name == transform.SuffixInsert:
		diags = append(diags, rules.Fault(at.At("name"), fmt.Sprintf("an event cannot have the name %q", s.Name),
			"The ids of the two events that a change of key becomes end with it."))
	}
	if len(s.Table) == 0 && at.Known("table") {
		diags = append(diags, rules.Fault(at.At("table"), "the event has no table", `Write a table such as "public.orders".`))
	}
	return diags
}

// Publishes implements daemon.Publisher.
func (s *Settings) Publishes() bool { return true }

// Topics returns the topic if it does not depend on a row.
func (s *Settings) Topics() []string {
	if name, ok := rules.Constant(s.Topic); ok {
		return []string{name}
	}
	return nil
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
		if diags.HasErrors() {
			return nil, fmt.Errorf("compile %s: %w", step, diags)
		}
		if !r.complete {
			return nil, fmt.Errorf("compile %s: it uses a value that is not known", step)
		}
		list = append(list, r)
	}
	return newEngine(list, at).apply, nil
}
