package tail

import (
	"slices"
	"sync"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// The bounds of a ring. docs/decisions/0031-tail.md has the reasons.
const (
	// MaxEvents is how many events a ring keeps.
	MaxEvents = 128
	// Bytes is how much memory a ring takes. It is allocated with the first event.
	Bytes = 256 << 10
	// eventBytes is how many bytes of texts and values are kept of one event. What does not fit is omitted, with its size.
	eventBytes = 16 << 10
	// unreadEvents is how many events are kept of one Write while nothing reads the ring.
	unreadEvents = 20
)

// Ring keeps the last events of one sink. The goroutine of the sink adds events, any goroutine may read.
type Ring struct {
	mu          sync.Mutex // guards what follows
	scratch     []byte     // one record, while it is added
	memory      []byte     // nil: there was no event yet. Records lie one after another, and none wraps
	end         int        // of the newest record in memory
	slots       [MaxEvents]slot
	first, next uint64 // the slots in use are those from first up to next, modulo MaxEvents
	seen        uint64 // the number that the next event gets
	readers     []chan<- struct{}
}

// slot is one event. What is not in its record is immutable.
type slot struct {
	number   uint64 // counts all events of the sink; those that are not kept leave gaps
	at, size int    // its record in memory
	table    *capture.Table
	tx       capture.Tx // without annotations
}

// Accepted adds the last events of a Write. It copies what it keeps, a bounded part of each event. Those in diverted went to
// the dead letter queue of the sink. A reader that holds the lock meanwhile copies one record.
func (r *Ring) Accepted(events []transform.Event, diverted []sink.Diverted) {
	if len(events) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	keep := unreadEvents
	if len(r.readers) > 0 {
		keep = MaxEvents
	}
	skip := max(0, len(events)-keep)
	r.seen += uint64(skip)
	for i := skip; i < len(events); i++ {
		e := &events[i]
		r.scratch = appendEvent(r.scratch[:0], e, reasonOf(diverted, e))
		s := r.addLocked()
		s.table, s.tx = e.Change.Table, *e.Change.Tx
		s.tx.Annotations = nil
	}
	r.notifyLocked()
}

// Rejected adds an event that has halted the sink. It is shown without its data: the blocks that mask it may not have run.
func (r *Ring) Rejected(why *sink.Rejected) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scratch = appendRejected(r.scratch[:0], why)
	s := r.addLocked()
	s.table, s.tx = nil, capture.Tx{LSN: why.At.LSN}
	r.notifyLocked()
}

func reasonOf(diverted []sink.Diverted, e *transform.Event) *sink.Rejected {
	for i := range diverted {
		if diverted[i].Event == e {
			return diverted[i].Why
		}
	}
	return nil
}

// addLocked adds the record in scratch as the next event. The caller sets the table and the transaction.
func (r *Ring) addLocked() *slot {
	if r.memory == nil {
		r.memory = make([]byte, Bytes)
	}
	at := r.roomLocked(len(r.scratch))
	r.end = at + copy(r.memory[at:], r.scratch)
	s := &r.slots[r.next%MaxEvents]
	s.number, s.at, s.size = r.seen, at, len(r.scratch)
	r.next++
	r.seen++
	return s
}

// roomLocked drops the oldest events until there is a slot and room for a record, and returns where the record begins.
func (r *Ring) roomLocked(size int) (at int) {
	if r.next-r.first == MaxEvents {
		r.first++
	}
	at, wraps := r.end, false
	if at+size > len(r.memory) {
		at, wraps = 0, true
	}
	for ; r.first < r.next; r.first++ {
		oldest := r.slots[r.first%MaxEvents].at
		afterEnd := oldest >= r.end
		if inRoom := oldest >= at && oldest < at+size; !inRoom && (!wraps || !afterEnd) {
			break
		}
	}
	return at
}

// notifyLocked wakes the readers. It never waits: a reader has one wake-up pending at most.
func (r *Ring) notifyLocked() {
	for _, wake := range r.readers {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// join adds a reader, and returns the number of the oldest of the last n events, and the number that the next event gets.
func (r *Ring) join(wake chan<- struct{}, n int) (from, next uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.readers = append(r.readers, wake)
	if n = min(n, int(r.next-r.first)); n <= 0 {
		return r.seen, r.seen
	}
	return r.slots[(r.next-uint64(n))%MaxEvents].number, r.seen
}

// leave removes a reader.
func (r *Ring) leave(wake chan<- struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.readers = slices.DeleteFunc(r.readers, func(c chan<- struct{}) bool { return c == wake })
}

// read returns the oldest event whose number is at least from, with a copy of its record in buf; false when there is none.
func (r *Ring) read(from uint64, buf []byte) (s slot, record []byte, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := r.first; i < r.next; i++ {
		if s = r.slots[i%MaxEvents]; s.number >= from {
			return s, append(buf, r.memory[s.at:s.at+s.size]...), true
		}
	}
	return slot{}, buf, false
}
