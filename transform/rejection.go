package transform

import (
	"errors"

	"github.com/tailrace/tailrace/capture"
)

// Rejection is an error of a step that rejects an event for a reason that is counted, such as a topic that Kafka cannot have.
type Rejection struct {
	Reason string          // snake_case: a label of tailrace_events_rejected_total
	Err    error           // names the block and its place
	Change *capture.Change // the event's, when it is rejected at the end of its transaction; nil: the change that was passed
}

// Error returns the text of the cause.
func (r *Rejection) Error() string { return r.Err.Error() }

// Unwrap returns the cause.
func (r *Rejection) Unwrap() error { return r.Err }

// AsRejection returns the Rejection in err; nil when there is none.
func AsRejection(err error) *Rejection {
	var r *Rejection
	if errors.As(err, &r) {
		return r
	}
	return nil
}
