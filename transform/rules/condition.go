package rules

import (
	"github.com/tailrace/tailrace/transform/expr"
)

// Condition is what decides whether a block makes something of a change, for a person who asks about one.
type Condition struct {
	Block
	Tables Patterns
	When   *expr.Row // nil: the block has no condition
}
