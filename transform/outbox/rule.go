package outbox

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/headers"
	"github.com/tailrace/tailrace/transform/rules"
)

// rule is a block whose expressions have been checked as far as the file shows.
type rule struct {
	rules.Block
	tables               rules.Patterns
	id, topic, key, kind *expr.Row // nil: the block has none
	data                 *expr.Row
	headers              *headers.Object
	ignoreUpdates        bool
	snapshot             bool
	deletes              bool
	complete             bool // everything that the block has is known
}

func newRule(s *Settings) (*rule, hcl.Diagnostics) {
	r := &rule{
		Block:         rules.Block{Title: "outbox \"" + s.Table + "\"", At: s.Range},
		ignoreUpdates: s.OnUpdate == "ignore", snapshot: s.Snapshot, deletes: s.Deletes(), complete: true,
	}
	var diags hcl.Diagnostics
	if s.at.Known("table") {
		r.tables, diags = rules.NewPatterns(s.at.At("table"), s.Table)
	}
	for _, e := range []struct {
		given *config.Expression
		row   **expr.Row
	}{{s.ID, &r.id}, {s.Topic, &r.topic}, {s.Key, &r.key}, {s.Type, &r.kind}, {s.Data, &r.data}} {
		var problems hcl.Diagnostics
		*e.row, problems = expr.NewRow(e.given, expr.Names{})
		diags = append(diags, problems...)
		r.complete = r.complete && (*e.row == nil) == (e.given == nil)
	}
	var problems hcl.Diagnostics
	r.headers, problems = headers.New(s.Headers, expr.Names{})
	diags = append(diags, problems...)
	r.complete = r.complete && r.data != nil && (r.headers == nil) == (s.Headers == nil)
	return r, diags
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
	id, topic, key, kind *expr.Text // nil: the block has none
	headers              *headers.Compiled
	data                 payload
}

// compile compiles the rule. It returns nil with problems.
func (r *rule) compile(s expr.Shape) (*program, hcl.Diagnostics) {
	p := &program{}
	var diags hcl.Diagnostics
	for _, e := range []struct {
		row  *expr.Row
		text **expr.Text
	}{{r.id, &p.id}, {r.topic, &p.topic}, {r.key, &p.key}, {r.kind, &p.kind}} {
		if e.row == nil {
			continue
		}
		var problems hcl.Diagnostics
		*e.text, problems = e.row.Text(s)
		diags = append(diags, problems...)
	}
	var problems hcl.Diagnostics
	p.headers, problems = r.headers.Compile(s)
	diags = append(diags, problems...)
	value, problems := r.data.Value(s)
	if diags = append(diags, problems...); diags.HasErrors() {
		return nil, diags
	}
	p.data = newPayload(value, s.Table)
	return p, diags
}
