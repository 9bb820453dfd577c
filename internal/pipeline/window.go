package pipeline

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// window lies between one stream and its sinks: a run of batches in order, bounded in bytes, with a cursor a sink. A
// batch leaves when every sink holds it, or, when its room is needed, once every sink has accepted it: what was
// accepted and is not held stays while there is room, so that a short rewind needs no source.
//
// It lives as long as its stream. Its methods are safe for use by many goroutines.
type window struct {
	limit  int64
	copies bool // it has a copy of all rows for one sink

	mu      sync.Mutex
	ring    []capture.Batch // ring[0] has the number base
	base    uint64
	tail    capture.Position // where ring[0] begins
	bytes   int64
	cursors []cursor
	rest    time.Time     // when the last sink had accepted everything
	changed chan struct{} // closed and made anew when anything changes
	waited  func(sink int, d time.Duration)
}

// cursor is how far a sink has come.
type cursor struct {
	next uint64           // the number of the batch that it reads next
	skip capture.Position // what it holds or has accepted already: changes before it are not handed out again
	held capture.Position
	away bool // the sink takes no part: nothing waits for it
}

// source stands for the stream where a sink's index is asked for: who holds the line up.
const source = -1

// newWindow makes a window for a stream that begins at start. A batch is let in while fewer than limit bytes are there,
// so they are at most limit and one batch (I6). waited hears for whom the stream, or all the sinks, had to wait.
func newWindow(limit int64, start capture.Position, sinks int, waited func(sink int, d time.Duration)) *window {
	return &window{limit: limit, tail: start, cursors: make([]cursor, sinks), changed: make(chan struct{}), waited: waited}
}

// append puts a batch at the head: step 6 of the way of one row. It waits for room, before the batch counts (I6).
func (w *window) append(ctx context.Context, b capture.Batch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.room() {
		blame, began := w.slowest(), time.Now()
		if err := w.wait(ctx); err != nil {
			return err
		}
		w.waited(blame, time.Since(began))
	}
	w.ring = append(w.ring, b)
	w.bytes += weight(b)
	w.wake()
	return nil
}

// weight is what a batch counts. One without changes takes memory too: an idle source sends one a second, and a sink may be
// stuck for weeks.
func weight(b capture.Batch) int64 { return int64(max(b.Bytes, 128)) }

// room drops what all have accepted until another batch fits.
func (w *window) room() bool {
	for w.bytes >= w.limit && len(w.ring) > 0 && w.everyone(func(c *cursor) bool { return c.next > w.base }) {
		w.drop()
	}
	return w.bytes < w.limit
}

// drop lets the oldest batch go. Every sink has accepted it or was put beyond it by seek, on the goroutine that calls its
// Write: none reads it any more.
func (w *window) drop() {
	w.bytes -= weight(w.ring[0])
	w.tail = w.ring[0].End
	w.ring[0].Release()
	w.ring[0] = capture.Batch{} // lets the memory go
	w.ring = w.ring[1:]
	w.base++
}

func (w *window) slowest() int {
	slow := source
	for i := range w.cursors {
		if !w.cursors[i].away && (slow == source || w.cursors[i].next < w.cursors[slow].next) {
			slow = i
		}
	}
	return slow
}

// read hands out the batches that sink i has not accepted, at least one and at most about max bytes: step 7 of the way
// of one row. n is how many to accept when they are written; a batch of which the sink holds everything counts in n but
// is not handed out. It waits for the first; stop ends the waiting. Batches go out as they stand in the ring, and only
// accept and seek move the cursor, on the goroutine of the same sink: a sink sees them in the source's order (I3).
func (w *window) read(ctx context.Context, i int, limit int64, stop <-chan struct{}) (run []capture.Batch, n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		if ctx.Err() != nil {
			return nil, 0, context.Cause(ctx) // however much is there: the line is to end
		}
		if run, n = w.ahead(i, limit); n > 0 {
			return run, n, nil
		}
		if err := w.wait(ctx, stop); err != nil {
			return nil, 0, err
		}
		if closed(stop) {
			return nil, 0, nil
		}
	}
}

func (w *window) ahead(i int, limit int64) (run []capture.Batch, n int) {
	c := &w.cursors[i]
	var size int64
	for _, b := range w.ring[min(c.next-w.base, uint64(len(w.ring))):] {
		if size >= limit {
			break
		}
		n++
		if rest, some := b.After(c.skip); some {
			run = append(run, rest)
			size += weight(b)
		}
	}
	return run, n
}

// accept moves the cursor of sink i over n batches: their Write has returned.
func (w *window) accept(i, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cursors[i].next += uint64(n)
	if w.resting() {
		w.rest = time.Now()
	}
	w.release()
	w.wake()
}

// hold says that sink i holds everything up to p.
func (w *window) hold(i int, p capture.Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cursors[i].held = p
	w.release()
	w.wake()
}

// release drops what every sink has accepted and holds.
func (w *window) release() {
	for len(w.ring) > 0 && w.everyone(func(c *cursor) bool {
		return c.next > w.base && c.held.Compare(w.ring[0].End) >= 0
	}) {
		w.drop()
	}
}

func (w *window) everyone(is func(*cursor) bool) bool {
	for i := range w.cursors {
		if !w.cursors[i].away && !is(&w.cursors[i]) {
			return false
		}
	}
	return true
}

// seek puts the cursor of sink i behind everything up to p, which may lie beyond the head. The zero position is the
// very beginning of the stream. It is false when the window no longer has what comes after p: the lane starts again, for a
// sink that went on from a later batch would miss what lies between (I3).
func (w *window) seek(i int, p capture.Position) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.Before(w.tail) && w.base > 0 {
		return false
	}
	next := w.base
	for _, b := range w.ring {
		if p.IsZero() || b.End.Compare(p) > 0 {
			break
		}
		next++
	}
	w.cursors[i] = cursor{next: next, skip: p, held: p}
	w.wake()
	return true
}

// leave takes sink i out until seek brings it back.
func (w *window) leave(i int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cursors[i] = cursor{away: true}
	w.wake()
}

// size is the number of bytes in the window.
func (w *window) size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes
}

// idle says since when every sink has accepted everything: whoever waits since then waits for the source. It is false
// when some sink has something to do.
func (w *window) idle() (since time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rest, w.resting()
}

func (w *window) resting() bool {
	head := w.base + uint64(len(w.ring))
	return w.everyone(func(c *cursor) bool { return c.next == head })
}

// left is what sink i has yet to accept.
func (w *window) left(i int) []capture.Batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.ring[min(w.cursors[i].next-w.base, uint64(len(w.ring))):])
}

// done says whether sink i has everything that is there.
func (w *window) done(i int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	run, _ := w.ahead(i, 1)
	return len(run) == 0
}

func (w *window) wake() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// wait gives the lock up until something changes, ctx ends or one of stop is closed; only the end of ctx is an error.
func (w *window) wait(ctx context.Context, stop ...<-chan struct{}) error {
	changed := w.changed
	var end <-chan struct{}
	if len(stop) > 0 {
		end = stop[0]
	}
	w.mu.Unlock()
	defer w.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-end:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
