package sink

import (
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// ErrFenced is the error of a Writer whose sink another process has opened. The daemon stands down until it has the slot again.
var ErrFenced = errors.New("the sink was opened by another process")

// Rejected is the error of a Write for an event that the target can never accept. Everything before the event is accepted and will
// be durable, the event and everything after it is not accepted. The lane halts with the state "rejected" unless the file defines
// another policy.
type Rejected struct {
	At     capture.Position // the change's
	Table  string           // "schema.table"
	Key    string           // the event's key, shortened; "": it has none yet
	Reason string           // snake_case: a label of tailrace_events_rejected_total
	Err    error
}

// Error names the event and the reason.
func (r *Rejected) Error() string {
	key := ""
	if r.Key != "" {
		key = " key " + r.Key
	}
	return fmt.Sprintf("event of %s%s at %s: %s: %v", r.Table, key, r.At, r.Reason, r.Err)
}

// Unwrap returns the target's error.
func (r *Rejected) Unwrap() error { return r.Err }

// Diverted is an event that the target can never accept, and that a Writer has put into a dead letter queue instead of halting.
type Diverted struct {
	Event *transform.Event // of the batches of the Write
	Why   *Rejected
}

// How the lane handles the errors of a Writer and of Open:
//
//	ErrFenced            stand down: close all writers, wait for the slot
//	*Rejected            halt, or whatever the pipeline's policy is, for one event
//	*capture.Problem     a named state; Halted: retried every 10 s, else with backoff
//	any other            rewind: close the Writer, open again with backoff, write from what Open returned
//
// What a Writer can retry safely by itself (a retriable produce error) it retries and does not return.
