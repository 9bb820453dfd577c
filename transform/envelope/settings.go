package envelope

import (
	"fmt"
	"regexp"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Settings are the attributes that event and aggregate blocks have in common.
type Settings struct {
	// The payload, any value, as JSON.
	Data *config.Expression `hcl:"data"`
	// Text of the record's key. Null is a null key, and counted in the metrics.
	//
	// Default: the table's key, as JSON
	Key *config.Expression `hcl:"key,optional"`
	// Null: the sink's topic. See [topics of events](#topics-of-events).
	//
	// Default: the sink's
	Topic *config.Expression `hcl:"topic,optional"`
	// Headers of the record, as for [`outbox`](#outbox).
	//
	// Value: object
	Headers *config.Expression `hcl:"headers,optional"`
	// The event's id. It has to be unique. Null or an empty text: the position.
	//
	// Default: the position in the log, and the name
	ID *config.Expression `hcl:"id,optional"`
	// Number of the partition, from 0. Null: by the key. An event for a partition that the topic does not have is rejected
	// (`no_partition`).
	//
	// Default: by the key
	Partition *config.Expression `hcl:"partition,optional"`
	// The event's subject: `ce_subject`. Null: the key's text.
	//
	// Default: the key's text
	Subject *config.Expression `hcl:"subject,optional"`
	// What happens if `data` reads a TOASTed value that an update did not change, so that the log does not have it: `"omit"` leaves the
	// attribute out, `"reject"` rejects the event.
	//
	// Default: `tailrace check` refuses the rule
	OnUnchanged string `hcl:"on_unchanged,optional"`
}

// nameForm is what a name may consist of: it becomes the type of the event, a part of its id, and the label of a metric.
var nameForm = regexp.MustCompile(`\A[A-Za-z][A-Za-z0-9_.-]{0,99}\z`)

var unchanged = map[string]expr.Unchanged{"": expr.Refuse, "omit": expr.Omit, "reject": expr.Reject}

// Check checks what needs no table. name is the label of the block.
func (s *Settings) Check(name string, at config.Positions) hcl.Diagnostics {
	var diags hcl.Diagnostics
	wrong := func(attribute, summary, detail string) {
		diags = append(diags, rules.Fault(at.At(attribute), summary, detail))
	}
	switch {
	case !nameForm.MatchString(name):
		wrong("name", fmt.Sprintf("%q is not the name of an event", name),
			"A name has letters, digits, _, - and dots, begins with a letter, and is at most 100 characters long.")
	case name == transform.SuffixDelete || name == transform.SuffixInsert:
		wrong("name", fmt.Sprintf("an event cannot have the name %q", name),
			"The ids of the two events that a change of key becomes end with it.")
	}
	if _, known := unchanged[s.OnUnchanged]; !known {
		wrong("on_unchanged", fmt.Sprintf("on_unchanged is %q", s.OnUnchanged), `Write "omit" or "reject".`)
	}
	return diags
}

// Parts returns the attributes besides the data; see New.
func (s *Settings) Parts(names expr.Names) (p *Parts, complete bool, diags hcl.Diagnostics) {
	return New(Attributes{
		Key: s.Key, ID: s.ID, Topic: s.Topic, Partition: s.Partition, Subject: s.Subject, Headers: s.Headers,
	}, names)
}

// Unchanged returns what on_unchanged sets.
func (s *Settings) Unchanged() expr.Unchanged { return unchanged[s.OnUnchanged] }

// Publishes implements daemon.Publisher.
func (s *Settings) Publishes() bool { return true }

// Topics returns the topic if it does not depend on a row.
func (s *Settings) Topics() []string { return rules.Topics(s.Topic) }

// TopicAt returns the place of the topic.
func (s *Settings) TopicAt() hcl.Range { return rules.RangeOf(s.Topic) }
