package sink

import (
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
)

// ErrFenced says that somebody opened the sink after us. The daemon stands down until it has the slot again.
var ErrFenced = errors.New("the sink was opened by another process")

// Rejected is the error of a Write that cannot ever take one event; everything before it is accepted and is held in
// time, nothing of it and after it is. The lane halts with the state "rejected" unless the file says otherwise.
type Rejected struct {
	At     capture.Position // the change's
	Table  string           // "schema.table"
	Key    string           // the event's key, shortened
	Reason string           // snake_case: a label of tailrace_rejected_total
	Err    error
}

// Error names the event and the reason.
func (r *Rejected) Error() string {
	return fmt.Sprintf("event of %s key %s at %s: %s: %v", r.Table, r.Key, r.At, r.Reason, r.Err)
}

// Unwrap is what the target said.
func (r *Rejected) Unwrap() error { return r.Err }

// The taxonomy of a Writer's and an Open's errors, as the lane reads it:
//
//	ErrFenced            stand down: close all writers, wait for the slot
//	*Rejected            halt, or whatever the pipeline's policy is, for one event
//	*capture.Problem     a named state; Halted: looked at again every 10 s, else with backoff
//	any other            rewind: close the Writer, open again with backoff, write from what Open returned
//
// What a Writer can repeat by itself without harm (a retriable produce error) it repeats and does not report.
