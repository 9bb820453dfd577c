package capturetest

import (
	"slices"
	"sync"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// Script is a server in memory: a log of transactions, one slot, and the process that holds it. Its methods are the events
// that happen to the server, and any goroutine may call them. All of its Sources read the same slot, as the daemons of one
// pipeline do.
//
// It checks as little as Postgres does: it accepts every confirmation, never moves the slot back, and silently forwards a
// start below the confirmed position to that position.
type Script struct {
	mu        sync.Mutex
	origin    capture.Origin
	log       []record
	end       capture.LSN
	confirmed capture.LSN
	slot      bool     // it exists
	holder    *process // nil: none
	versions  map[int]int
	changed   chan struct{} // closed and replaced when anything changes
	statuses  []capture.Position
	delay     time.Duration
	lag       capture.LSN // the position that a standby has replayed; 0: it is none
	tells     bool        // it reports its commits
}

// process is what holds the slot: the server's side of a stream, or a foreign process.
type process struct {
	stream *Stream // nil: foreign
}

// record is a transaction, or a part of the log that has nothing for us.
type record struct {
	rows   []Row
	cuts   []int
	joined bool
	tx     *capture.Tx // nil: nothing for us
	end    capture.LSN
}

// after reports whether a start at from sends the record: that depends on where its commit record starts.
func (r *record) after(from capture.LSN) bool {
	if r.tx == nil {
		return r.end > from
	}
	return r.tx.LSN >= from
}

// Sizes in the log, in bytes.
const (
	changeSize = 64
	commitSize = 48
	origin     = 0x1000
)

var firstOrigin = capture.Origin{
	System: 7, Timeline: 1, Publication: "p", Database: capture.Database{OID: 5, Name: "d"}, Slot: "s",
}

// NewScript creates a server with an empty log, whose slot exists and has confirmed all of it.
func NewScript() *Script {
	s := &Script{
		origin: firstOrigin, end: origin, confirmed: origin, slot: true,
		versions: map[int]int{}, changed: make(chan struct{}),
	}
	return s
}

// Transaction is a transaction that a Script commits. Each key is a change, which creates the next version of that row.
type Transaction struct {
	Keys   []int
	Cuts   []int // the stream splits the batch after these numbers of changes
	Joined bool  // the stream adds it to the batch of the previous transaction if both are available
}

// Add commits a transaction and returns where it ends.
func (s *Script) Add(t Transaction) capture.Position {
	return s.Begin(t)()
}

// Commit commits a transaction in one batch.
func (s *Script) Commit(keys ...int) capture.Position { return s.Add(Transaction{Keys: keys}) }

// Begin opens a transaction; the function that it returns commits it.
func (s *Script) Begin(t Transaction) (commit func() capture.Position) {
	return func() capture.Position {
		s.mu.Lock()
		defer s.mu.Unlock()
		r := record{cuts: t.Cuts, joined: t.Joined}
		for _, k := range t.Keys {
			s.versions[k]++
			r.rows = append(r.rows, Row{k, s.versions[k]})
		}
		at := s.end + capture.LSN(changeSize*len(t.Keys))
		r.tx = &capture.Tx{LSN: at, XID: uint32(700 + len(s.log)), Time: time.Now().UTC(), Epoch: s.origin.Epoch(at)}
		r.end = at + commitSize
		s.write(r)
		return capture.Position{LSN: r.end}
	}
}

// Idle writes bytes of log that have nothing for the slot, and returns where they end.
func (s *Script) Idle(bytes int) capture.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(record{end: s.end + capture.LSN((bytes+7)/8*8)})
	return capture.Position{LSN: s.end}
}

func (s *Script) write(r record) {
	s.log, s.end = append(s.log, r), r.end
	s.wake()
}

func (s *Script) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Committed returns every row in the order of the log.
func (s *Script) Committed() (rows []Row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.log {
		rows = append(rows, r.rows...)
	}
	return rows
}

// Each calls f for every transaction in the order of the log.
func (s *Script) Each(f func(tx *capture.Tx, rows []Row)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.log {
		if r.tx != nil {
			f(r.tx, r.rows)
		}
	}
}

// End returns the end of the log.
func (s *Script) End() capture.LSN {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// Confirmed returns the position that the slot has confirmed.
func (s *Script) Confirmed() capture.LSN {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.confirmed
}

// Statuses returns every position that was ever confirmed, in the order in which they reached the server.
func (s *Script) Statuses() []capture.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.statuses)
}

// lasting reports whether the slot exists.
func (s *Script) lasting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slot
}

// Held reports whether a process holds the slot.
func (s *Script) Held() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holder != nil
}

// status handles the flush position from a stream's client. It returns true when that completes a copy of all rows: its
// slot is permanent from then on.
func (s *Script) status(st *Stream, p capture.Position) (complete bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holder == nil || s.holder.stream != st || p.IsZero() {
		return false // the server no longer reads from that connection
	}
	s.statuses = append(s.statuses, p)
	if f := p.Flush(); f > s.confirmed {
		s.confirmed = f
		s.wake()
	}
	if st.tx == nil || p.Before(capture.Position{LSN: st.tx.Snapshot()}) {
		return false
	}
	s.slot = true
	return true
}
