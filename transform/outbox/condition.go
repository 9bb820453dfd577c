package outbox

import "github.com/tailrace/tailrace/transform/rules"

// Condition returns the table of the block.
func (s *Settings) Condition() rules.Condition {
	r, _ := newRule(s)
	return rules.Condition{Block: r.Block, Tables: r.tables}
}
