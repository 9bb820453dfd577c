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

const (
	Bytes      = 2 << 20 // accepted and not in the hands of the worker, who has two groups
	GroupBytes = 2 << 20 // of a group, unless a single part is larger
)

// Queue holds what is accepted and not yet in the worker's hands. The goroutine of Write fills it, the worker empties it.
type Queue struct {
	mu            sync.Mutex
	changed       sync.Cond
	chunks        []*chunk
	spare         []*chunk
	bytes         int
	Commits       int // parts that end between transactions
	PrefetchBytes int // bytes from which on a group is taken ahead
	batchDelay    batchDelay
	until         time.Time // the worker rests until then, or until there is enough for it; zero: it does not
	err           error     // final: nothing goes in or comes out any more
	// IdleAfter is how long take waits for a group before it returns errIdle; 0: for ever.
	IdleAfter time.Duration
}

// ErrIdle is what take returns when nothing came in time.
var ErrIdle = errors.New("nothing has come")

func New() *Queue {
	q := &Queue{PrefetchBytes: GroupBytes / 2}
	q.changed.L = &q.mu
	return q
}

// Put copies batches, and waits while too much is there.
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

// addLocked copies one batch. Where it begins with the end of one transaction and ends inside another one, it is cut between.
func (q *Queue) addLocked(b *sink.Batch) {
	if len(b.Tables) > 0 {
		b = withTables(b)
	}
	if len(b.Events) == 0 && !b.Commit {
		return // a piece of a transaction of which nothing is ours
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

// endOpenLocked ends the transaction that the last part is a piece of, when b is a piece of another one.
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
	p.endsSnapshot = b.Copied
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

// Take waits for what can be applied, and fills g with it: whole transactions as many as there are and fit, or, inside of
// a transaction or when one is larger than a group, a piece. It gives the memory of the last group back. A group without
// changes waits until quiet: it only moves the position. Between two transactions it may return errIdle, with g empty.
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

// Prefetch is take for a group behind one that is at work: whole transactions only, and only when there is much, so that
// it costs nobody time. It does not wait; false: there is no such group, and g is as before.
func (q *Queue) Prefetch(g *Group) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil || q.Commits == 0 || q.bytes < q.PrefetchBytes {
		return false
	}
	n := q.nextLocked(false)
	if last := q.chunks[n-1]; !last.commit || last.endsSnapshot { // a copy's end is not written in bulk where no row came
		return false
	}
	q.recycleLocked(g)
	q.fillLocked(g, n)
	return true
}

// recycleLocked takes a group's memory back.
func (q *Queue) recycleLocked(g *Group) {
	for _, p := range g.chunks {
		p.reset()
		q.spare = append(q.spare, p)
	}
	g.reset()
}

// fillLocked fills g with the first n parts.
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

// delayLocked waits for more while rows come fast: few of them in many transactions would cost the target more than all of them in
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

// readyLocked says whether there is a group. A piece of a transaction waits for its end until there is much of it.
func (q *Queue) readyLocked(inside bool) bool {
	return q.Commits > 0 || q.bytes >= GroupBytes/2 || inside && q.bytes >= GroupBytes/8
}

// dueLocked says whether there are changes, or quiet is over; else it wakes us then.
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

// nextLocked is how many parts make the next group.
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

// Fail makes err what everybody gets from now on; the first one stays.
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

// withTables puts the tables that a copy names before its first rows: each is a change without a row, which finds or makes the
// target as a first row would.
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
