package event

import "github.com/tailrace/tailrace/transform/rules"

// Condition returns the tables and the condition of the block.
func (s *Settings) Condition() rules.Condition {
	r, _ := newRule(s)
	return rules.Condition{Block: r.Block, Tables: r.tables, When: r.when}
}

// Uses reports whether the block names a table.
func (s *Settings) Uses(schema, table string) bool {
	r, _ := newRule(s)
	return r.tables.Match(schema, table)
}
