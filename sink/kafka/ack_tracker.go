package kafka

import "github.com/tailrace/tailrace/capture"

// span is what one sink.Batch has become: everything from its first record to its End.
type span struct {
	end    capture.Position
	state  []byte // the source's, when the batch brought one
	last   capture.Commit
	closed bool // all its records are handed over
	bytes  int  // of its records
	open   int  // unacknowledged batches whose first record is in this span
}

// ackTracker is the queue of spans that are not yet complete, oldest first, numbered from the first of the Writer. A
// span is complete when no unacknowledged batch begins in it or before it: then everything up to its end is durable.
// Guarded by Writer.mu.
type ackTracker struct {
	base  int // number of list[0]
	list  []span
	bytes int // of all in list
}

// span returns the span with number n, which is in the list or is the next one.
func (s *ackTracker) span(n int) *span {
	if n == s.base+len(s.list) {
		s.list = append(s.list, span{})
	}
	return &s.list[n-s.base]
}

// grow adds bytes to span n.
func (s *ackTracker) grow(n, bytes int) {
	s.span(n).bytes += bytes
	s.bytes += bytes
}

// advance removes the complete spans and returns the last end among them, the last state and the last commit; ok is
// false when no span is complete.
func (s *ackTracker) advance() (end capture.Position, state []byte, last capture.Commit, ok bool) {
	n := 0
	for n < len(s.list) && s.list[n].closed && s.list[n].open == 0 {
		p := &s.list[n]
		s.bytes -= p.bytes
		if ok = true; end.Before(p.end) { // a rejected event of the end of a transaction is before the end of earlier spans
			end = p.end
		}
		if p.state != nil {
			state = p.state
		}
		if !p.last.IsZero() {
			last = p.last
		}
		n++
	}
	s.list = s.list[n:]
	s.base += n
	return end, state, last, ok
}
