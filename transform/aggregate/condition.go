package aggregate

import (
	"slices"

	"github.com/tailrace/tailrace/transform/rules"
)

// Condition returns the tables and the condition of the block.
func (s *Settings) Condition() rules.Condition {
	r, _ := newRule(s)
	return rules.Condition{Block: r.Block, Tables: r.table.Patterns, When: r.when}
}

// Uses reports whether the block or one of its child blocks names a table.
func (s *Settings) Uses(schema, table string) bool {
	r, _ := newRule(s)
	return r.table.Match(schema, table) || slices.ContainsFunc(r.children, func(c child) bool { return c.table.Match(schema, table) })
}
