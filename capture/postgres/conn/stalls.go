package conn

import "time"

// A stall is a connection on which the server's kernel holds back what the walsender has sent: it transmits less than a
// window each time its persist timer fires, 200 ms or more apart, although the reader waits. It can last as long as the
// stream. docs/decisions/0003 describes how it arises and how NarrowWindow prevents it; stalls is for the cases in which
// that fails.
const (
	// stallWait is how long a read has to wait to be suspicious. Linux fires no persist or retransmission timer before 200
	// ms.
	stallWait = 100 * time.Millisecond
	// stallSpan is the maximum distance of two such waits in a row.
	stallSpan = time.Second
)

// StallRun is the number of such waits in a row after which a stream counts as stalled. Only tests change it.
var StallRun = 3

// stalls detects stalls on a connection to this machine, where both ends have the same clock. A wait counts when the data
// that ended it had been sent before the wait: the wait was in the middle of a message, or the message has the time at
// which it was sent. So an idle stream, a slow server and one that is suspended between two messages do not count.
type stalls struct {
	since  time.Time // when the waiting read found nothing; zero: none waits
	inside bool      // it was in the middle of a message
	until  time.Time // when the last long wait ended whose message has not yet shown when it was sent; zero: none
	from   time.Time // when that wait began
	run    int
	last   time.Time // when the last wait that counts ended
}

// wait records that a read is about to wait. inside: a part of a message has already been read.
func (s *stalls) wait(now time.Time, inside bool) {
	if s.since.IsZero() {
		s.since, s.inside = now, inside
	}
}

// came records that bytes arrived, and reports whether the stream has stalled.
func (s *stalls) came(now time.Time) bool {
	from := s.since
	s.since = time.Time{}
	switch {
	case from.IsZero() || now.Sub(from) < stallWait:
		return false
	case s.inside:
		return s.count(now)
	}
	s.from, s.until = from, now
	return false
}

// pending reports whether sent needs the next message.
func (s *stalls) pending() bool { return !s.until.IsZero() }

// sent records when the server sent the first message that was complete after a long wait, and reports whether the stream
// has stalled.
func (s *stalls) sent(at time.Time) bool {
	from, until := s.from, s.until
	s.until = time.Time{}
	if from.IsZero() || at.After(from) {
		return false
	}
	return s.count(until)
}

// count records a wait that counts.
func (s *stalls) count(now time.Time) bool {
	if now.Sub(s.last) > stallSpan {
		s.run = 0
	}
	s.last = now
	if s.run++; s.run < StallRun {
		return false
	}
	s.run = 0
	return true
}

// paused records that nothing was read for a while, so that no wait is measured across the pause.
func (s *stalls) paused() { s.since, s.until = time.Time{}, time.Time{} }
