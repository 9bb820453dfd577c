package filter

import "github.com/tailrace/tailrace/transform/rules"

// Condition returns the table and the condition of the block.
func (s *Settings) Condition() rules.Condition {
	r, _ := newRule(s)
	return rules.Condition{Block: r.Block, Tables: r.tables, When: r.when}
}
