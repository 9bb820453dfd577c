package pipeline

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// window buffers batches between one stream and its sinks: in order, bounded in bytes, with one cursor per sink. A batch is
// dropped when it is durable in every sink or, when its room is needed, once every sink has accepted it: what was accepted and is
// not durable stays while there is room, so that a short rewind does not need the source.
//
// It lives as long as its stream. Its methods are safe for concurrent use.
type window struct {
	limit  int64
	ofCopy bool // it buffers a copy of all rows for one sink
	waited func(sink int, d time.Duration)

	mu         sync.Mutex      // guards what follows
	ring       []capture.Batch // ring[0] has the number base
	base       uint64
	tail       capture.Position // where ring[0] begins
	bytes      int64
	cursors    []cursor
	caughtUpAt time.Time     // when the last sink had accepted everything
	changed    chan struct{} // closed and replaced when anything changes
}

// cursor is a sink's place in the window.
type cursor struct {
	next     uint64           // the number of the batch that it reads next
	skip     capture.Position // durable or accepted before: read leaves out the changes up to it
	durable  capture.Position
	excluded bool // the sink does not read: nothing waits for it
}

// source stands for the stream in the place of a sink's index: what the pipeline waited for.
const source = -1

// newWindow returns a window for a stream that begins at start. It takes a batch while it has fewer than limit bytes, so it has at
// most limit and one batch (I6). It calls waited when the stream has waited for a sink.
func newWindow(limit int64, start capture.Position, sinks int, waited func(sink int, d time.Duration)) *window {
	return &window{limit: limit, tail: start, cursors: make([]cursor, sinks), changed: make(chan struct{}), waited: waited}
}

// append puts a batch at the head. It waits for room, before the batch counts (I6).
func (w *window) append(ctx context.Context, b capture.Batch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.roomLocked() {
		blame, began := w.slowestLocked(), time.Now()
		if err := w.waitLocked(ctx); err != nil {
			return err
		}
		w.waited(blame, time.Since(began))
	}
	w.ring = append(w.ring, b)
	w.bytes += weight(b)
	w.wakeLocked()
	return nil
}

// weight is how many bytes a batch counts for. One without changes takes memory too: an idle source sends one per second, and a
// sink may be stuck for weeks.
func weight(b capture.Batch) int64 { return int64(max(b.Bytes, 128)) }

// roomLocked drops what every sink has accepted until another batch fits, and reports whether one does.
func (w *window) roomLocked() bool {
	for w.bytes >= w.limit && len(w.ring) > 0 && w.allLocked(func(c *cursor) bool { return c.next > w.base }) {
		w.dropLocked()
	}
	return w.bytes < w.limit
}

// dropLocked drops the oldest batch. Every sink has accepted it, or seek has put the sink beyond it on the goroutine that calls its
// Write: no sink reads it any more.
func (w *window) dropLocked() {
	w.bytes -= weight(w.ring[0])
	w.tail = w.ring[0].End
	w.ring[0].Release()
	w.ring[0] = capture.Batch{} // frees the memory
	w.ring = w.ring[1:]
	w.base++
}

func (w *window) slowestLocked() int {
	slow := source
	for i := range w.cursors {
		if !w.cursors[i].excluded && (slow == source || w.cursors[i].next < w.cursors[slow].next) {
			slow = i
		}
	}
	return slow
}

// read returns the batches that sink i has not accepted, at least one and at most about limit bytes.
// n is how many to accept after the write; a batch that the sink has completely counts in n and is left out of run. read waits for
// the first batch until stop is closed. Batches are returned in the order of the ring, and only accept and seek move the cursor, on
// the goroutine of the same sink: a sink sees them in the source's order (I3).
func (w *window) read(ctx context.Context, i int, limit int64, stop <-chan struct{}) (run []capture.Batch, n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		if ctx.Err() != nil {
			return nil, 0, context.Cause(ctx) // also when batches are there: the lane ends
		}
		if run, n = w.pendingLocked(i, limit); n > 0 {
			return run, n, nil
		}
		if err := w.waitLocked(ctx, stop); err != nil {
			return nil, 0, err
		}
		if closed(stop) {
			return nil, 0, nil
		}
	}
}

func (w *window) pendingLocked(i int, limit int64) (run []capture.Batch, n int) {
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
	if w.allCaughtUpLocked() {
		w.caughtUpAt = time.Now()
	}
	w.releaseLocked()
	w.wakeLocked()
}

// setDurable records that everything up to p is durable in sink i.
func (w *window) setDurable(i int, p capture.Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cursors[i].durable = p
	w.releaseLocked()
	w.wakeLocked()
}

// releaseLocked drops what every sink has accepted and made durable.
func (w *window) releaseLocked() {
	for len(w.ring) > 0 && w.allLocked(func(c *cursor) bool {
		return c.next > w.base && c.durable.Compare(w.ring[0].End) >= 0
	}) {
		w.dropLocked()
	}
}

func (w *window) allLocked(is func(*cursor) bool) bool {
	for i := range w.cursors {
		if !w.cursors[i].excluded && !is(&w.cursors[i]) {
			return false
		}
	}
	return true
}

// seek puts the cursor of sink i after everything up to p, which may lie beyond the head. The zero position is the beginning of
// the stream. It reports whether the window still has what comes after p. If not, the lane has to start again, for a sink that
// continued with a later batch would miss changes (I3).
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
	w.cursors[i] = cursor{next: next, skip: p, durable: p}
	w.wakeLocked()
	return true
}

// exclude takes sink i out until the next seek.
func (w *window) exclude(i int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cursors[i] = cursor{excluded: true}
	w.wakeLocked()
}

// size is the number of bytes in the window.
func (w *window) size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes
}

// idleSince returns since when every sink has accepted everything, so that the pipeline waits for the source. ok is false when
// some sink has not.
func (w *window) idleSince() (since time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.caughtUpAt, w.allCaughtUpLocked()
}

func (w *window) allCaughtUpLocked() bool {
	head := w.base + uint64(len(w.ring))
	return w.allLocked(func(c *cursor) bool { return c.next == head })
}

// unaccepted returns what sink i has not accepted yet.
func (w *window) unaccepted(i int) []capture.Batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.ring[min(w.cursors[i].next-w.base, uint64(len(w.ring))):])
}

// caughtUp reports whether the window has nothing for sink i.
func (w *window) caughtUp(i int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	run, _ := w.pendingLocked(i, 1)
	return len(run) == 0
}

func (w *window) wakeLocked() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// waitLocked releases the lock until something changes, ctx ends or stop is closed; only the end of ctx is an error.
func (w *window) waitLocked(ctx context.Context, stop ...<-chan struct{}) error {
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
