package postgres

import (
	"time"

	"github.com/tailrace/tailrace/capture"
)

// attempts says how long to wait before the next session. It belongs to Run's goroutine.
type attempts struct {
	backoff   capture.Backoff
	confirmed capture.LSN // the furthest that a session has brought the sinks
}

// flap is the least time that a session has to last before it counts for anything: one that breaks sooner, whatever it did,
// is tried again less and less often.
const flap = time.Second

// served notes that a session had a stream for lived, and how far it brought the sinks; 0: it had no change for them. One
// that did something new, or lasted for longer than the longest wait, was no failed attempt: when its server is lost the
// next one comes soon.
func (a *attempts) served(lived time.Duration, confirmed capture.LSN) {
	if lived > capture.HaltedRetryInterval || lived >= flap && confirmed > a.confirmed {
		a.backoff.Reset()
	}
	a.confirmed = max(a.confirmed, confirmed)
}
