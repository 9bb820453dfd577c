package aggregate

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/rules"
)

// Contents returns what the events of the block consist of, for tables that it fits.
func (s *Settings) Contents(live []*capture.Table) rules.Contents {
	r, _ := newRule(s)
	c := rules.Contents{Block: r.Block, Event: s.Name, Key: r.parts.Key, Data: r.data}
	root, _ := r.table.find(live)
	of := make([]*capture.Table, len(r.children))
	for i := range r.children {
		of[i], _ = r.children[i].table.find(live)
	}
	if root == nil || slices.Contains(of, nil) {
		return c
	}
	admits, _ := r.admissions(root)
	for _, op := range operations {
		if !admits[op].never {
			c.Shapes = append(c.Shapes, r.shape(root, op, of))
		}
	}
	return c
}
