package postgres

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
	queueBytes = 2 << 20 // accepted and not in the hands of the worker, who has two groups
	groupBytes = 2 << 20 // of a group, unless a single part is larger
)

// queue holds what is accepted and not yet in the worker's hands. The goroutine of Write fills it, the worker empties it.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond
	parts   []*part
	spare   []*part
	bytes   int
	commits int // parts that end between transactions
	ahead   int // bytes from which on a group is taken ahead
	pace    pace
	until   time.Time // the worker rests until then, or until there is enough for it; zero: it does not
	err     error     // final: nothing goes in or comes out any more
	// idleAfter is how long take waits for a group before it returns errIdle; 0: for ever.
	idleAfter time.Duration
}

// errIdle is what take returns when nothing came in time.
var errIdle = errors.New("nothing has come")

func newQueue() *queue {
	q := &queue{ahead: groupBytes / 2}
	q.changed.L = &q.mu
	return q
}

// put copies batches, and waits while too much is there.
func (q *queue) put(ctx context.Context, batches []sink.Batch) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	for i := range batches {
		q.add(&batches[i])
	}
	if q.until.IsZero() || q.bytes >= q.pace.rest.bytes {
		q.changed.Broadcast()
	}
	if q.bytes < queueBytes {
		return nil
	}
	stop := context.AfterFunc(ctx, q.wake)
	defer stop()
	for q.bytes >= queueBytes && q.err == nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		q.changed.Wait()
	}
	return q.err
}

// add copies one batch. Where it begins with the end of one transaction and ends inside another one, it is cut between.
func (q *queue) add(b *sink.Batch) {
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
		q.append(&sink.Batch{Events: b.Events[:from], End: between, Commit: true, State: b.State, Last: b.Last})
	}
	rest := *b
	if !b.Commit {
		rest.Events = b.Events[from:]
		q.endOpen(&rest)
	}
	q.append(&rest)
}

// endOpen ends the transaction that the last part is a piece of, when b is a piece of another one.
func (q *queue) endOpen(b *sink.Batch) {
	if n := len(q.parts); n > 0 {
		p, lsn := q.parts[n-1], b.Events[0].Change.Tx.LSN
		if k := len(p.changes); !p.commit && p.changes[k-1].Tx.LSN != lsn {
			p.close(capture.Position{LSN: lsn}, true, nil, p.changes[k-1].Tx.Commit(lsn))
			q.commits++
		}
	}
}

func (q *queue) append(b *sink.Batch) {
	var p *part
	if n := len(q.parts); n > 0 && q.parts[n-1].takes(b) {
		p = q.parts[n-1]
	} else {
		p = q.fresh()
		q.parts = append(q.parts, p)
	}
	had, was := p.bytes, p.commit
	for i := range b.Events {
		p.add(b.Events[i].Change)
	}
	p.close(b.End, b.Commit, b.State, b.Last)
	p.copied = b.Copied
	q.bytes += p.bytes - had
	if p.commit && !was {
		q.commits++
	}
}

func (q *queue) fresh() *part {
	if n := len(q.spare); n > 0 {
		p := q.spare[n-1]
		q.spare = q.spare[:n-1]
		return p
	}
	return &part{}
}

// take waits for what can be applied, and fills g with it: whole transactions as many as there are and fit, or, inside of
// a transaction or when one is larger than a group, a piece. It gives the memory of the last group back. A group without
// changes waits until quiet: it only moves the position. Between two transactions it may return errIdle, with g empty.
func (q *queue) take(g *group, quiet time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	inside := len(g.parts) > 0 && !g.commit
	q.recycle(g)
	q.rest()
	var idle time.Time
	for q.err == nil && (!q.ready(inside) || !q.due(quiet)) {
		switch {
		case q.idleAfter == 0 || inside:
		case idle.IsZero():
			idle = time.Now().Add(q.idleAfter)
			defer time.AfterFunc(q.idleAfter, q.wake).Stop()
		case !time.Now().Before(idle):
			return errIdle
		}
		q.changed.Wait()
	}
	if q.err != nil {
		return q.err
	}
	q.hand(g, q.cut(inside))
	return nil
}

// takeAhead is take for a group behind one that is at work: whole transactions only, and only when there is much, so that
// it costs nobody time. It does not wait; false: there is no such group, and g is as before.
func (q *queue) takeAhead(g *group) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil || q.commits == 0 || q.bytes < q.ahead {
		return false
	}
	n := q.cut(false)
	if last := q.parts[n-1]; !last.commit || last.copied { // a copy's end is not written in bulk where no row came
		return false
	}
	q.recycle(g)
	q.hand(g, n)
	return true
}

// recycle takes a group's memory back.
func (q *queue) recycle(g *group) {
	for _, p := range g.parts {
		p.reset()
		q.spare = append(q.spare, p)
	}
	g.reset()
}

// hand fills g with the first n parts.
func (q *queue) hand(g *group, n int) {
	for _, p := range q.parts[:n] {
		g.add(p)
		q.bytes -= p.bytes
		if p.commit {
			q.commits--
		}
	}
	q.pace.took(len(g.changes), time.Now())
	q.parts = append(q.parts[:0], q.parts[n:]...)
	q.changed.Broadcast()
}

// rest waits for more while rows come fast: few of them in many transactions would cost the target more than all of them in
// one.
func (q *queue) rest() {
	wait, enough := q.pace.rest.wait, q.pace.rest.bytes
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

// ready says whether there is a group. A piece of a transaction waits for its end until there is much of it.
func (q *queue) ready(inside bool) bool {
	return q.commits > 0 || q.bytes >= groupBytes/2 || inside && q.bytes >= groupBytes/8
}

// due says whether there are changes, or quiet is over; else it wakes us then.
func (q *queue) due(quiet time.Time) bool {
	if q.bytes > 0 {
		return true
	}
	left := time.Until(quiet)
	if left > 0 {
		time.AfterFunc(left, q.wake)
	}
	return left <= 0
}

// cut is how many parts make the next group.
func (q *queue) cut(inside bool) int {
	whole, bytes := 0, 0
	for i, p := range q.parts {
		if bytes += p.bytes; p.commit {
			whole = i + 1
		}
		if p.commit && (inside || p.copied) || bytes >= groupBytes {
			return cmp.Or(whole, i+1)
		}
	}
	return cmp.Or(whole, len(q.parts))
}

// fail makes err what everybody gets from now on; the first one stays.
func (q *queue) fail(err error) (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return false
	}
	q.err = err
	q.changed.Broadcast()
	return true
}

func (q *queue) wake() {
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
