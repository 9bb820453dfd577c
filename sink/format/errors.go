package format

import (
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
)

// The errors that reject an event.
var (
	// ErrKey means that the replica identity does not contain the key, so the event has no reliable key.
	ErrKey = errors.New("the old row does not carry this column of the key: see the table's replica identity")
	// ErrShape means that the row does not have as many values as its table has columns.
	ErrShape = errors.New("the row does not fit its table")
	// ErrNoPayload means that no block has set the event's payload, and the format has no form for the change itself.
	ErrNoPayload = errors.New("format raw publishes the payload of a block, and no block has given this change one")
	// ErrNotPrepared means that Prepare was not called for the event's table, which is a bug of the sink.
	ErrNotPrepared = errors.New("the encoder is not prepared for this shape of the table")
)

// Reason returns the reason in a *sink.Rejected for an error of Encoder.Append: no_key, no_payload or not_encodable.
func Reason(err error) string {
	switch {
	case errors.Is(err, ErrKey):
		return "no_key"
	case errors.Is(err, ErrNoPayload):
		return "no_payload"
	}
	return "not_encodable"
}

// check returns an error for a row that the source has built wrongly.
func (s *Shape) check(c *capture.Change) error {
	for _, row := range [...][]capture.Value{c.Before, c.After} {
		if row != nil && len(row) != len(s.columns) {
			return fmt.Errorf("%d values for %d columns of %s: %w", len(row), len(s.columns), s.table, ErrShape)
		}
	}
	return nil
}
