package messages

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Settings is a messages block. Its label is what the prefix of a message begins with.
type Settings struct {
	Prefix string             `hcl:"prefix,label"`
	Topic  *config.Expression `hcl:"topic,optional"`
	Key    *config.Expression `hcl:"key,optional"`
	Type   *config.Expression `hcl:"type,optional"`
	Range  hcl.Range          `hcl:",range"`

	at config.Positions
}

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	s.at = at
	r, diags := newRule(s)
	if s.Prefix == "" {
		diags = append(diags, rules.Fault(at.At("prefix"), "the prefix is empty",
			`Write what the prefixes begin with, such as messages "shop." { }.`))
	}
	if !diags.HasErrors() && r.complete {
		_, problems := r.compile(shapeOf(s.Prefix))
		diags = append(diags, problems...)
	}
	return diags
}

// Publishes implements daemon.Publisher.
func (s *Settings) Publishes() bool { return true }

// ReadsMessages implements daemon.MessageReader.
func (s *Settings) ReadsMessages() bool { return true }

// Topics returns the topic if it does not depend on the message.
func (s *Settings) Topics() []string {
	if name, ok := rules.Constant(s.Topic); ok {
		return []string{name}
	}
	return nil
}

// Step implements daemon.StepSettings.
func (s *Settings) Step(at transform.Site, _ *zap.Logger) (transform.Func, error) {
	r, diags := newRule(s)
	if diags.HasErrors() {
		return nil, fmt.Errorf("compile the block: %w", diags)
	}
	if !r.complete {
		return nil, errors.New("compile the block: it uses a value that is not known")
	}
	return newStep(r, at).apply, nil
}

// rule is a block whose expressions have been checked as far as the file shows.
type rule struct {
	rules.Block
	prefix           string
	topic, key, kind *expr.Row // nil: the block has none
	complete         bool      // everything that the block has is known
}

func newRule(s *Settings) (*rule, hcl.Diagnostics) {
	r := &rule{Block: rules.Block{Title: fmt.Sprintf("messages %q", s.Prefix), At: s.Range}, prefix: s.Prefix, complete: true}
	var diags hcl.Diagnostics
	for _, e := range []struct {
		given *config.Expression
		row   **expr.Row
	}{{s.Topic, &r.topic}, {s.Key, &r.key}, {s.Type, &r.kind}} {
		var problems hcl.Diagnostics
		*e.row, problems = expr.NewRow(e.given, expr.Names{})
		diags = append(diags, problems...)
		r.complete = r.complete && (*e.row == nil) == (e.given == nil)
	}
	return r, diags
}

// program is a rule that is compiled for one prefix.
type program struct {
	topic, key, kind *expr.Text // nil: the block has none
}

// compile compiles the rule. It returns nil with problems.
func (r *rule) compile(s expr.Shape) (*program, hcl.Diagnostics) {
	p := &program{}
	var diags hcl.Diagnostics
	for _, e := range []struct {
		row  *expr.Row
		text **expr.Text
	}{{r.topic, &p.topic}, {r.key, &p.key}, {r.kind, &p.kind}} {
		if e.row == nil {
			continue
		}
		var problems hcl.Diagnostics
		*e.text, problems = e.row.Text(s)
		diags = append(diags, problems...)
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return p, diags
}
