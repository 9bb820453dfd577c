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
	// `schema.table`; `*` is a wildcard.
	Table string `hcl:"table"`
	// The payload. A column is passed on untouched: the text as Postgres prints it, a bytea as its bytes. Any other expression becomes
	// JSON. Null is a tombstone: a record without a value.
	Data *config.Expression `hcl:"data"`
	// The event's id: `ce_id` in `cloudevents`, `id` in `json`. It has to be unique. Null or an empty text: the position.
	//
	// Default: the position in the log
	ID *config.Expression `hcl:"id,optional"`
	// Null: the sink's topic. See [topics of events](#topics-of-events).
	//
	// Default: the sink's
	Topic *config.Expression `hcl:"topic,optional"`
	// Text of the record's key. Null is a null key, and counted in the metrics.
	//
	// Default: the table's key
	Key *config.Expression `hcl:"key,optional"`
	// The event's type: `ce_type`.
	//
	// Default: `<schema>.<table>.<op>`
	Type *config.Expression `hcl:"type,optional"`
	// Headers of the record: `{ tenant = row.tenant }`. A header whose value is null is left out, and so is a `traceparent` or
	// `tracestate` that is not valid.
	//
	// Value: object
	Headers *config.Expression `hcl:"headers,optional"`
	// `"reject"`: an UPDATE of a row rejects the event, which halts the sink (`outbox_update`); `"ignore"`: it is no event.
	OnUpdate string `hcl:"on_update,optional"`
	// Rows that are there at a first start are events.
	Snapshot bool `hcl:"snapshot,optional"`
	// `"delete"`: a row is deleted when Kafka has acknowledged its event, by its primary key; not in a stdout sink. See
	// [events.md](events.md#outbox).
	Cleanup string    `hcl:"cleanup,optional"`
	Range   hcl.Range `hcl:",range"`

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
