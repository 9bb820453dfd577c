package capturetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// The states that a stream has recorded.
var (
	statePending = []byte("pending")
	stateDone    = []byte("done")
)

// ChangeBytes is the size of each change of a Script's batch in the window.
const ChangeBytes = 100

// Stream is one connection of a Source. It implements capture.Stream.
type Stream struct {
	script *Script
	source *Source
	origin capture.Origin
	start  capture.Position
	state  []byte
	delay  time.Duration

	// Of the goroutine that calls Next:
	next capture.LSN // transactions whose commit record starts there or later are still to come
	cut  int         // how many changes of the next one have been delivered
	tx   *capture.Tx // of the snapshot; nil: there is none
	rows []Row       // of the snapshot
	at   int         // how many of them have been delivered

	mu    sync.Mutex
	flush capture.Position
	err   error
	ended chan struct{}
}

// snapshot makes the stream begin with the rows visible at point.
func (s *Stream) snapshot(point capture.LSN) {
	s.tx = &capture.Tx{LSN: point - 1, Time: time.Now().UTC(), Epoch: s.origin.Epoch(point)}
	s.start, s.state, s.rows = capture.Position{LSN: point - 1}, statePending, nil
}

// Lane implements capture.Stream.
func (s *Stream) Lane() string { return "main" }

// Origin implements capture.Stream.
func (s *Stream) Origin() capture.Origin { return s.origin }

// Start implements capture.Stream.
func (s *Stream) Start() capture.Position { return s.start }

// Slot implements capture.Stream. It uses a separate connection, so it works for a stream that is cut off.
func (s *Stream) Slot(ctx context.Context) (capture.Slot, error) {
	if err := context.Cause(ctx); err != nil {
		return capture.Slot{}, err
	}
	s.source.mu.Lock()
	dead := s.source.dead
	s.source.mu.Unlock()
	if dead {
		return capture.Slot{}, errCut
	}
	c := s.script
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holder == nil || c.holder.stream != s {
		return capture.Slot{}, fmt.Errorf("%w: it is with another process", capture.ErrSlotInUse)
	}
	if c.lag > 0 {
		return capture.Slot{Confirmed: c.confirmed, End: c.lag, Recovering: true}, nil
	}
	return capture.Slot{Confirmed: c.confirmed, End: c.end, New: s.tx != nil}, nil
}

// Compare implements capture.Stream.
func (s *Stream) Compare(ctx context.Context, r capture.Record) (capture.Comparison, error) {
	if err := context.Cause(ctx); err != nil {
		return capture.Comparison{}, err
	}
	var c capture.Comparison
	if s.source.Altered != nil {
		c.Altered = s.source.Altered(r.Origin.Publication, s.origin.Publication)
	}
	c.Commit = s.script.knows(r.Commit)
	if s.tx == nil || s.script.lasting() {
		c.Unfinished = r.Position.Flush() != r.Position.LSN
		if c.Unfinished || string(r.State) == string(statePending) {
			c.State = stateDone
		}
	}
	return c, nil
}

// Resume implements capture.Stream.
func (s *Stream) Resume(_ context.Context, records []capture.Record) (fromSnapshot bool, err error) {
	if s.source.Resumed != nil {
		if err := s.source.Resumed(records); err != nil {
			return false, err
		}
	}
	if s.tx == nil {
		return false, nil
	}
	for _, r := range records {
		if !r.Position.IsZero() && string(r.State) != string(statePending) {
			return false, &capture.Problem{State: "slot_missing", Halted: true, Reason: "sink " + r.Sink + " holds " + r.Position.String()}
		}
	}
	return true, nil
}

// Next implements capture.Stream.
func (s *Stream) Next(ctx context.Context) (capture.Batch, error) {
	for {
		if closed(s.ended) {
			return capture.Batch{}, s.Err()
		}
		b, ok, changed := s.poll()
		if ok {
			b.State = s.state
			return b, nil
		}
		select {
		case <-changed:
		case <-s.ended:
		case <-ctx.Done():
			return capture.Batch{}, context.Cause(ctx)
		}
	}
}

// poll takes the next batch if there is one.
func (s *Stream) poll() (b capture.Batch, ok bool, changed <-chan struct{}) {
	c := s.script
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holder == nil || c.holder.stream != s {
		return b, false, c.changed
	}
	if s.tx != nil && s.at <= len(s.rows) {
		return s.copied(), true, nil
	}
	for i := range c.log {
		if c.log[i].after(s.next) {
			return s.take(c.log[i:]), true, nil
		}
	}
	return b, false, c.changed
}

// take builds a batch from the beginning of the remaining log.
func (s *Stream) take(log []record) capture.Batch {
	b := s.piece(&log[0])
	for i := 1; i < len(log) && b.Commit && log[i].joined; i++ {
		more := s.piece(&log[i])
		more.Changes = append(b.Changes, more.Changes...)
		more.Bytes += b.Bytes
		if more.Last.IsZero() {
			more.Last = b.Last
		}
		b = more
	}
	return b
}

// piece returns the rest of a record up to the next cut.
func (s *Stream) piece(r *record) capture.Batch {
	if r.tx == nil {
		s.next = r.end
		return capture.Batch{End: capture.Position{LSN: r.end}, Commit: true}
	}
	to := len(r.rows)
	for _, cut := range r.cuts {
		if cut > s.cut {
			to = min(to, cut)
			break
		}
	}
	b := capture.Batch{Time: r.tx.Time, Bytes: ChangeBytes * (to - s.cut)}
	for i := s.cut; i < to; i++ {
		b.Changes = append(b.Changes, change(r.tx, i, capture.Update, r.rows[i]))
	}
	if to < len(r.rows) {
		s.cut, b.End = to, capture.Position{LSN: r.tx.LSN, Seq: uint64(to)}
		return b
	}
	s.cut, s.next = 0, r.end
	b.End, b.Commit, b.Last = capture.Position{LSN: r.end}, true, r.tx.Commit(r.end)
	return b
}

// copied returns the next row of the snapshot, or its end.
func (s *Stream) copied() capture.Batch {
	var tables []*capture.Table
	if s.at == 0 {
		tables = []*capture.Table{Table}
	}
	s.at++
	if s.at > len(s.rows) {
		return capture.Batch{End: capture.Position{LSN: s.tx.Snapshot()}, Commit: true, Last: s.tx.Commit(s.tx.Snapshot()), Tables: tables}
	}
	return capture.Batch{
		Tables:  tables,
		Changes: []capture.Change{change(s.tx, s.at-1, capture.Read, s.rows[s.at-1])}, Bytes: ChangeBytes, Time: s.tx.Time,
		End: capture.Position{LSN: s.tx.LSN, Seq: uint64(s.at)},
	}
}

// ChangeOf returns an update of a row, as a Script's changes are.
func ChangeOf(tx *capture.Tx, seq int, r Row) capture.Change {
	return change(tx, seq, capture.Update, r)
}

func change(tx *capture.Tx, seq int, op capture.Op, r Row) capture.Change {
	return capture.Change{Tx: tx, Seq: uint64(seq), Op: op, Table: Table, After: r.values()}
}

// Done implements capture.Stream.
func (s *Stream) Done() <-chan struct{} { return s.ended }

// Err implements capture.Stream.
func (s *Stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Confirm implements capture.Stream.
func (s *Stream) Confirm(p capture.Position) {
	s.mu.Lock()
	if p.Compare(s.flush) <= 0 || errors.Is(s.err, errCut) {
		s.mu.Unlock()
		return
	}
	s.flush = p
	s.mu.Unlock()
	if s.delay > 0 {
		time.AfterFunc(s.delay, func() { s.tell(p) })
		return
	}
	s.tell(p)
}

// tell sends a status to the server, which makes the slot of a first start permanent when the copy is confirmed.
func (s *Stream) tell(p capture.Position) {
	if s.script.status(s, p) {
		s.fail(capture.ErrRestart)
	}
}

var errClosed = fmt.Errorf("the stream is closed")

// fail ends the stream once.
func (s *Stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		close(s.ended)
	}
}

// close sends the last position, unless the connection was cut, and releases the slot.
func (s *Stream) close() {
	s.fail(errClosed)
	if !errors.Is(s.Err(), errCut) {
		s.tell(s.last())
	}
	c := s.script
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holder != nil && c.holder.stream == s {
		c.holder = nil
		c.wake()
	}
}

func (s *Stream) last() capture.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flush
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
