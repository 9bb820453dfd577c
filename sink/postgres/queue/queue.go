// Package queue holds the changes that a replica has accepted and not yet applied, and forms the groups that are applied in
// one target transaction each.
package queue

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// Limits of memory.
const (
	Bytes      = 2 << 20 // of changes in the queue, besides the two groups that the worker has taken
	GroupBytes = 2 << 20 // of a group, unless a single chunk is larger
)

// Queue holds changes that are accepted and not yet taken by the worker. The goroutine of Write fills it, the worker drains
// it.
type Queue struct {
	mu            sync.Mutex
	changed       sync.Cond
	chunks        []*chunk
	spare         []*chunk
	bytes         int
	Commits       int // chunks that end between transactions
	PrefetchBytes int // Prefetch takes a group only from this many bytes on
	batchDelay    batchDelay
	until         time.Time // the worker delays a group until then, or until it is large enough; zero: it does not
	err           error     // final: nothing goes in or out any more
	// IdleAfter is how long Take waits for a group before it returns ErrIdle; 0 means without limit.
	IdleAfter time.Duration
}

// ErrIdle is returned by Take when no group came in time.
var ErrIdle = errors.New("no changes came in time")

// New returns an empty queue.
func New() *Queue {
	q := &Queue{PrefetchBytes: GroupBytes / 2}
	q.changed.L = &q.mu
	return q
}

// Put copies batches into the queue, and then waits while the queue is full.
func (q *Queue) Put(ctx context.Context, batches []sink.Batch) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	for i := range batches {
		q.addLocked(&batches[i])
	}
	if q.until.IsZero() || q.bytes >= q.batchDelay.delay.bytes {
		q.changed.Broadcast()
	}
	if q.bytes < Bytes {
		return nil
	}
	stop := context.AfterFunc(ctx, q.wake)
	defer stop()
	for q.bytes >= Bytes && q.err == nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		q.changed.Wait()
	}
	return q.err
}

// addLocked copies one batch. A batch that begins with the end of one transaction and ends inside another is split between
// them.
func (q *Queue) addLocked(b *sink.Batch) {
	if len(b.Tables) > 0 {
		b = withTables(b)
	}
	if len(b.Events) == 0 && !b.Commit {
		return // a piece of a transaction from which all changes were filtered out
	}
	from := 0
	if !b.Commit {
		for from = len(b.Events); from > 0 && b.Events[from-1].Change.Tx.LSN == b.Events[len(b.Events)-1].Change.Tx.LSN; {
			from--
		}
	}
	if from > 0 && !b.Commit {
		between := capture.Position{LSN: b.Events[from].Change.Tx.LSN}
		q.appendLocked(&sink.Batch{Events: b.Events[:from], End: between, Commit: true, State: b.State, Last: b.Last})
	}
	rest := *b
	if !b.Commit {
		rest.Events = b.Events[from:]
		q.endOpenLocked(&rest)
	}
	q.appendLocked(&rest)
}

// endOpenLocked ends the transaction that the last chunk is a piece of, when b is a piece of another one.
func (q *Queue) endOpenLocked(b *sink.Batch) {
	if n := len(q.chunks); n > 0 {
		p, lsn := q.chunks[n-1], b.Events[0].Change.Tx.LSN
		if k := len(p.changes); !p.commit && p.changes[k-1].Tx.LSN != lsn {
			p.close(capture.Position{LSN: lsn}, true, nil, p.changes[k-1].Tx.Commit(lsn))
			q.Commits++
		}
	}
}

func (q *Queue) appendLocked(b *sink.Batch) {
	var p *chunk
	if n := len(q.chunks); n > 0 && q.chunks[n-1].accepts(b) {
		p = q.chunks[n-1]
	} else {
		p = q.newChunkLocked()
		q.chunks = append(q.chunks, p)
	}
	had, was := p.bytes, p.commit
	for i := range b.Events {
		p.add(b.Events[i].Change)
	}
	p.close(b.End, b.Commit, b.State, b.Last)
	p.endsSnapshot = b.EndsSnapshot
	q.bytes += p.bytes - had
	if p.commit && !was {
		q.Commits++
	}
}

func (q *Queue) newChunkLocked() *chunk {
	if n := len(q.spare); n > 0 {
		p := q.spare[n-1]
		q.spare = q.spare[:n-1]
		return p
	}
	return &chunk{}
}

// Take waits for a group and fills g with it: as many whole transactions as there are and fit, or, inside a transaction or
// when one is larger than a group, a piece of it. The memory of the previous group in g is reused. A group without changes
// waits until quiet, because it only moves the position. Between two transactions Take may return ErrIdle, with g empty.
func (q *Queue) Take(g *Group, quiet time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	inside := len(g.chunks) > 0 && !g.Commit
	q.recycleLocked(g)
	q.delayLocked()
	var idle time.Time
	for q.err == nil && (!q.readyLocked(inside) || !q.dueLocked(quiet)) {
		switch {
		case q.IdleAfter == 0 || inside:
		case idle.IsZero():
			idle = time.Now().Add(q.IdleAfter)
			defer time.AfterFunc(q.IdleAfter, q.wake).Stop()
		case !time.Now().Before(idle):
			return ErrIdle
		}
		q.changed.Wait()
	}
	if q.err != nil {
		return q.err
	}
	q.fillLocked(g, q.nextLocked(inside))
	return nil
}

// Prefetch takes the group after the one that is being applied: whole transactions only, and only when there are many
// changes, so that no change waits longer for it. It does not wait for changes. It returns false, with g unchanged, when there
// is no such group.
func (q *Queue) Prefetch(g *Group) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil || q.Commits == 0 || q.bytes < q.PrefetchBytes {
		return false
	}
	n := q.nextLocked(false)
	if last := q.chunks[n-1]; !last.commit || last.endsSnapshot { // the end of a copy without rows is not written in bulk
		return false
	}
	q.recycleLocked(g)
	q.fillLocked(g, n)
	return true
}

// recycleLocked makes a group's memory available again.
func (q *Queue) recycleLocked(g *Group) {
	for _, p := range g.chunks {
		p.reset()
		q.spare = append(q.spare, p)
	}
	g.reset()
}

// fillLocked fills g with the first n chunks.
func (q *Queue) fillLocked(g *Group, n int) {
	for _, p := range q.chunks[:n] {
		g.add(p)
		q.bytes -= p.bytes
		if p.commit {
			q.Commits--
		}
	}
	q.batchDelay.record(len(g.Changes), time.Now())
	q.chunks = append(q.chunks[:0], q.chunks[n:]...)
	q.changed.Broadcast()
}

// delayLocked waits for more rows while they arrive fast: many small transactions cost the target more than a single large
// one.
func (q *Queue) delayLocked() {
	wait, enough := q.batchDelay.delay.wait, q.batchDelay.delay.bytes
	if wait == 0 {
		return
	}
	q.until = time.Now().Add(wait)
	defer func() { q.until = time.Time{} }()
	time.AfterFunc(wait, q.wake)
	for q.err == nil && q.bytes < enough && time.Now().Before(q.until) {
		q.changed.Wait()
	}
}

// readyLocked reports whether there is a group. A piece of a transaction is taken only when it is large, since its end may
// arrive soon.
func (q *Queue) readyLocked(inside bool) bool {
	return q.Commits > 0 || q.bytes >= GroupBytes/2 || inside && q.bytes >= GroupBytes/8
}

// dueLocked reports whether there are changes or quiet has passed. Otherwise it has Take woken up at quiet.
func (q *Queue) dueLocked(quiet time.Time) bool {
	if q.bytes > 0 {
		return true
	}
	left := time.Until(quiet)
	if left > 0 {
		time.AfterFunc(left, q.wake)
	}
	return left <= 0
}

// nextLocked returns how many chunks make up the next group.
func (q *Queue) nextLocked(inside bool) int {
	whole, bytes := 0, 0
	for i, p := range q.chunks {
		if bytes += p.bytes; p.commit {
			whole = i + 1
		}
		if p.commit && (inside || p.endsSnapshot) || bytes >= GroupBytes {
			return cmp.Or(whole, i+1)
		}
	}
	return cmp.Or(whole, len(q.chunks))
}

// Fail makes Put and Take return err from now on. Only the first call has an effect.
func (q *Queue) Fail(err error) (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return false
	}
	q.err = err
	q.changed.Broadcast()
	return true
}

func (q *Queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.changed.Broadcast()
}

// withTables adds the tables that a copy names before its first rows. Each becomes a change without a row, for which the
// target is found or created as for a first row.
func withTables(b *sink.Batch) *sink.Batch {
	lsn := b.End.LSN
	if b.Commit {
		lsn--
	}
	tx := &capture.Tx{LSN: lsn, Time: time.Now().UTC()}
	if len(b.Events) > 0 {
		tx = b.Events[0].Change.Tx
	}
	events := make([]transform.Event, 0, len(b.Tables)+len(b.Events))
	for _, t := range b.Tables {
		events = append(events, transform.Event{Change: &capture.Change{Tx: tx, Op: capture.Read, Table: t}})
	}
	with := *b
	with.Events = append(events, b.Events...)
	return &with
}
