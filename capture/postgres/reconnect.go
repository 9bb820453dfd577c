package postgres

import (
	"time"

	"github.com/tailrace/tailrace/capture"
)

// attempts computes how long to wait before the next session. It belongs to Run's goroutine.
type attempts struct {
	backoff   capture.Backoff
	confirmed capture.LSN // the highest position that a session has confirmed
}

// flap is the minimum duration of a session that counts as a success. After a shorter session the wait grows, whatever the
// session did.
const flap = time.Second

// served records that a session had a stream for lived, and the position that it confirmed; 0: it delivered no changes to
// the sinks. A session that made progress, or lasted longer than the longest wait, does not count as a failed attempt: the
// next session starts soon after the server is lost.
func (a *attempts) served(lived time.Duration, confirmed capture.LSN) {
	if lived > capture.HaltedRetryInterval || lived >= flap && confirmed > a.confirmed {
		a.backoff.Reset()
	}
	a.confirmed = max(a.confirmed, confirmed)
}
