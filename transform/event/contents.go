package event

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Contents returns what the events of the block consist of, for tables that it fits.
func (s *Settings) Contents(live []*capture.Table) rules.Contents {
	r, _ := newRule(s)
	c := rules.Contents{Block: r.Block, Event: s.Name, Key: r.parts.Key, Data: r.data}
	for _, t := range live {
		if !r.tables.Match(t.Schema, t.Name) {
			continue
		}
		for _, op := range r.operations() {
			shape := expr.Shape{Table: t, Op: op}
			if compiled, diags := r.compile(shape); compiled != nil && !diags.HasErrors() {
				shape.Unchanged = r.unchanged
				c.Shapes = append(c.Shapes, shape)
			}
		}
	}
	return c
}
