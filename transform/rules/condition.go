package rules

import (
	"github.com/tailrace/tailrace/transform/expr"
)

// Condition decides which changes a block handles; explain evaluates it on one change.
type Condition struct {
	Block
	Tables Patterns
	When   *expr.Row // nil: the block has no condition
}
