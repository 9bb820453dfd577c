package tail

import (
	"context"

	"github.com/tailrace/tailrace/internal/eventview"
)

// Source is a sink whose events are read.
type Source struct {
	Name string
	Ring *Ring
	View *eventview.View // belongs to the Tail
}

// Item is an event, or how many were lost.
type Item struct {
	Sink    string
	Event   *Event // nil: events were skipped
	Skipped uint64 // how many, because the reader is slower than the sink or nothing was reading; 0 for an event
}

// Tail reads the rings of sinks. One goroutine at a time may use it.
type Tail struct {
	followers []follower
	turn      int // of the follower that is asked first
	wake      chan struct{}
}

// follower reads one ring.
type follower struct {
	Source
	from    uint64 // the number of the next event
	history uint64 // the number of the first event after Open
	ends    bool   // with the last event before Open
	pending *Event // was read after a gap that comes first
	record  []byte
}

// Open returns a Tail that begins with the last n events of each sink. Unless it follows, it has no others. The caller closes it.
func Open(sources []Source, n int, follow bool) *Tail {
	t := &Tail{wake: make(chan struct{}, 1)}
	for _, s := range sources {
		f := follower{Source: s, ends: !follow}
		f.from, f.history = s.Ring.join(t.wake, n)
		t.followers = append(t.followers, f)
	}
	return t
}

// Close ends reading.
func (t *Tail) Close() {
	for i := range t.followers {
		t.followers[i].Ring.leave(t.wake)
	}
}

// Wake returns a channel that gets a value when there may be more to read.
func (t *Tail) Wake() <-chan struct{} { return t.wake }

// Next returns the next event, in the order of each sink; false when there is none now. It does not wait for events; ctx is for what
// a format needs to encode one.
func (t *Tail) Next(ctx context.Context) (Item, bool) {
	for range t.followers {
		f := &t.followers[t.turn]
		item, ok := f.next(ctx)
		if !ok || f.from >= f.history && f.pending == nil { // what was there at Open is shown sink by sink
			t.turn = (t.turn + 1) % len(t.followers)
		}
		if ok {
			return item, true
		}
	}
	return Item{}, false
}

func (f *follower) next(ctx context.Context) (Item, bool) {
	if e := f.pending; e != nil {
		f.pending = nil
		return Item{Sink: f.Name, Event: e}, true
	}
	s, record, ok := f.Ring.read(f.from, f.record[:0])
	f.record = record
	if !ok || f.ends && s.number >= f.history {
		return Item{}, false
	}
	skipped := s.number - f.from
	f.from = s.number + 1
	e := show(ctx, f.Name, f.View, readEntry(&s, record))
	if skipped > 0 {
		f.pending = e
		return Item{Sink: f.Name, Skipped: skipped}, true
	}
	return Item{Sink: f.Name, Event: e}, true
}
