package rules

import (
	"github.com/tailrace/tailrace/transform/expr"
)

// Contents is what the events of a block consist of, for a document that describes them.
type Contents struct {
	Block
	Event  string       // the events' type
	Key    *expr.Row    // nil: the key columns of the table, in the sink's format
	Data   *expr.Row    // nil: it is not known
	Shapes []expr.Shape // of the changes that can give an event
}
