package messages

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Settings is a messages block. Its label is what the prefix of a message begins with.
type Settings struct {
	Prefix string `hcl:"prefix,label"`
	// Null: the sink's topic, with the whole prefix of the message. See [topics of events](#topics-of-events).
	//
	// Default: the sink's, else `<pipeline>.<prefix>`
	Topic *config.Expression `hcl:"topic,optional"`
	// Text of the record's key.
	//
	// Default: null
	Key *config.Expression `hcl:"key,optional"`
	// The event's type: `ce_type`.
	//
	// Default: the whole prefix
	Type  *config.Expression `hcl:"type,optional"`
	Range hcl.Range          `hcl:",range"`

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
		_, problems := r.parts.Compile(shapeOf(s.Prefix))
		diags = append(diags, problems...)
	}
	return diags
}

// Publishes implements daemon.Publisher.
func (s *Settings) Publishes() bool { return true }

// ReadsMessages implements daemon.MessageReader.
func (s *Settings) ReadsMessages() bool { return true }

// Topics returns the topic if it does not depend on the message.
func (s *Settings) Topics() []string { return rules.Topics(s.Topic) }

// TopicAt returns the place of the topic.
func (s *Settings) TopicAt() hcl.Range { return rules.RangeOf(s.Topic) }

// Step implements daemon.StepSettings.
func (s *Settings) Step(at transform.Site, _ *zap.Logger) (transform.Func, error) {
	r, diags := newRule(s)
	if err := r.Usable(r.complete, diags); err != nil {
		return nil, err
	}
	return newStep(r, at).apply, nil
}

// rule is a block whose expressions have been checked as far as the file shows.
type rule struct {
	rules.Block
	prefix   string
	parts    *envelope.Parts
	complete bool // everything that the block has is known
}

func newRule(s *Settings) (*rule, hcl.Diagnostics) {
	r := &rule{Block: rules.Block{Title: fmt.Sprintf("messages %q", s.Prefix), At: s.Range}, prefix: s.Prefix}
	var diags hcl.Diagnostics
	r.parts, r.complete, diags = envelope.New(envelope.Attributes{Key: s.Key, Type: s.Type, Topic: s.Topic}, expr.Names{})
	return r, diags
}
