package format

import (
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
)

// What rejects an event.
var (
	// ErrKey: the replica identity does not carry the key, so the event has no key that could be trusted.
	ErrKey = errors.New("the old row does not carry this column of the key: see the table's replica identity")
	// ErrShape: the row has another number of values than its table has columns.
	ErrShape = errors.New("the row does not fit its table")
	// ErrNotPrepared: Prepare was not called for the event's table, which is a fault of the sink.
	ErrNotPrepared = errors.New("the encoder is not prepared for this shape of the table")
)

// Reason is what an error of Encoder.Append is called in a *sink.Rejected: no_key or not_encodable.
func Reason(err error) string {
	if errors.Is(err, ErrKey) {
		return "no_key"
	}
	return "not_encodable"
}

// check guards against rows that a source built wrongly.
func (s *Shape) check(c *capture.Change) error {
	for _, row := range [...][]capture.Value{c.Before, c.After} {
		if row != nil && len(row) != len(s.columns) {
			return fmt.Errorf("%d values for %d columns of %s: %w", len(row), len(s.columns), s.table, ErrShape)
		}
	}
	return nil
}
