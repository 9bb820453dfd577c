package outbox

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// rule is a block whose expressions have been checked as far as the file shows.
type rule struct {
	rules.Block
	tables        rules.Patterns
	parts         *envelope.Parts
	data          *expr.Row
	ignoreUpdates bool
	snapshot      bool
	deletes       bool
	complete      bool // everything that the block has is known
}

// names are those of the block: only rows that are inserted make events.
var names = expr.Names{Without: map[string]string{
	"old": "An outbox makes events of inserted rows, which have no old row. Use row.",
	"op":  "An outbox makes events of inserted rows only, and snapshot = false leaves out those that are there at a first start. Use row.",
}}

func newRule(s *Settings) (*rule, hcl.Diagnostics) {
	r := &rule{
		Block:         rules.Block{Title: fmt.Sprintf("outbox %q", s.Table), At: s.Range},
		ignoreUpdates: s.OnUpdate == "ignore", snapshot: s.Snapshot, deletes: s.Deletes(),
	}
	var diags, problems hcl.Diagnostics
	if s.at.Known("table") {
		r.tables, diags = rules.NewPatterns(s.at.At("table"), s.Table)
	}
	r.parts, r.complete, problems = envelope.New(envelope.Attributes{
		Key: s.Key, ID: s.ID, Type: s.Type, Topic: s.Topic, Headers: s.Headers,
	}, names)
	diags = append(diags, problems...)
	r.data, problems = expr.NewRow(s.Data, names)
	r.complete = r.complete && r.data != nil
	return r, append(diags, problems...)
}

// operations are those that make events.
func (r *rule) operations() []capture.Op {
	if r.snapshot {
		return []capture.Op{capture.Insert, capture.Read}
	}
	return []capture.Op{capture.Insert}
}

// program is a rule that is compiled for one shape of its table and one operation.
type program struct {
	parts *envelope.Compiled
	data  payload
}

// compile compiles the rule. It returns nil with problems.
func (r *rule) compile(s expr.Shape) (*program, hcl.Diagnostics) {
	parts, diags := r.parts.Compile(s)
	value, problems := r.data.Value(s)
	if diags = append(diags, problems...); diags.HasErrors() {
		return nil, diags
	}
	return &program{parts, newPayload(value, s.Table)}, diags
}
