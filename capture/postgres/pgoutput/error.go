package pgoutput

import "fmt"

// Error is the error of a message that cannot be decoded. The stream cannot be trusted after it.
type Error struct {
	Kind   Kind
	Offset int    // in the body as it was given to Decode
	Reason string // what is wrong; it contains no row data
}

// Error describes the message, what is wrong and where.
func (e *Error) Error() string {
	return fmt.Sprintf("decode %s message: %s at offset %d", e.Kind, e.Reason, e.Offset)
}

// short returns the error of a field of want bytes that does not fit into what is left.
//
//go:noinline
func short(k Kind, off int, field string, want uint64, left int) *Error {
	return &Error{Kind: k, Offset: off, Reason: fmt.Sprintf("%s needs %d bytes and %d are left", field, want, left)}
}
