package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/wire"
)

// sender sends to one broker over one connection, several requests at a time. After any error the connection is
// closed, and the batches in flight are sent again over a new one.
type sender struct {
	w    *Writer
	id   int32
	wake chan struct{}

	// owned by the sender's goroutine
	writes wire.Request

	// guarded by w.mu
	conn       *produceConn
	ready      []*partition
	flight     []*request // sent over conn, oldest first
	connBroken bool       // conn has to be closed
	linger     linger
	fails      int // connections lost in a row
	retryAt    time.Time
}

// minRequestBytes is how much must be ready before another request is sent, by the number of requests in flight:
// nothing when there are none, so an idle pipeline is never delayed; and more, the busier it is.
var minRequestBytes = [...]int{0, 4 << 10, 32 << 10, 128 << 10, 256 << 10}

// enqueueLocked appends a batch to its partition's queue.
func (w *Writer) enqueueLocked(b *batch, now time.Time) {
	if b.part.mergeIntoLast(b) {
		w.scheduleLocked(b.part, now)
		return
	}
	if w.unacked == 0 {
		w.acked = now
	}
	w.unacked++
	b.part.topic.unacked++
	if b.progress == nil {
		w.acks.span(b.first).open++
	}
	b.part.queue = append(b.part.queue, b)
	w.scheduleLocked(b.part, now)
}

// scheduleLocked has a partition sent by its leader's sender as soon as it may be.
func (w *Writer) scheduleLocked(p *partition, now time.Time) {
	l := w.senders[p.leader]
	if p.scheduled && l != nil && !l.linger.waitingSince.IsZero() && l.hasReadyLocked(l.linger.minBytes) {
		l.signal()
	}
	if p.scheduled || !p.sendable(now) {
		return
	}
	if l == nil {
		if w.err != nil {
			return // it would send nothing, and Close may not wait for it
		}
		l = &sender{w: w, id: p.leader, wake: make(chan struct{}, 1), writes: wire.Request{
			Client: w.sink.cluster.Config.ClientID, Timeout: w.sink.ackTimeout, Codec: w.sink.codec,
		}}
		w.senders[p.leader] = l
		w.goroutines.Go(l.run)
	}
	p.scheduled = true
	l.ready = append(l.ready, p)
	l.signal()
}

// unscheduleLocked removes a partition from the sender of its former leader, which may never connect again.
func (w *Writer) unscheduleLocked(p *partition) {
	if l := w.senders[p.leader]; l != nil && p.scheduled {
		l.ready = slices.DeleteFunc(l.ready, func(o *partition) bool { return o == p })
		p.scheduled = false
	}
}

func (l *sender) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *sender) run() {
	for {
		select {
		case <-l.w.ctx.Done():
			return
		case <-l.wake:
			for l.step() {
			}
		}
	}
}

// step connects, or sends one request; it returns false when there is nothing to do.
func (l *sender) step() bool {
	l.w.mu.Lock()
	if l.connBroken {
		l.conn.kill()
		l.conn, l.connBroken = nil, false
	}
	if l.w.err != nil || len(l.ready) == 0 {
		l.w.mu.Unlock()
		return false
	}
	if l.conn == nil {
		wait := time.Until(l.retryAt)
		l.w.mu.Unlock()
		return l.connect(wait)
	}
	q := l.collectLocked(time.Now())
	conn := l.conn
	l.w.mu.Unlock()
	if q == nil {
		return false
	}
	l.doneSending(q, conn.produce(q))
	return true
}

// doneSending is called when the batches of a request are not read any more. From here they may be sent again, or
// released.
func (l *sender) doneSending(q *request, err error) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	q.sending = false
	switch {
	case q.done && q.lost:
		q.requeueLocked(time.Now())
	case q.done: // the response was faster
		q.freeStoredLocked()
	case err != nil:
		l.dropConnLocked(q, err)
	}
}

// connect dials after a pause. It returns false on failure, and then wakes the sender later.
func (l *sender) connect(wait time.Duration) bool {
	if wait > 0 {
		time.AfterFunc(wait, l.signal)
		return false
	}
	var k *produceConn
	var err error
	if addr, ok := l.w.sink.cluster.Addr(l.id); ok {
		k, err = dialProduce(l.w.ctx, l.w.sink.cluster, addr)
	} else {
		err = kafkaconnect.Unreachable(errNoAddress, fmt.Sprintf("broker %d", l.id))
	}
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if err == nil && l.w.err == nil {
		l.conn = k
		l.w.goroutines.Go(k.readResponses)
		return true
	}
	k.kill()
	if err != nil {
		l.w.cause = err
		l.delayRetryLocked()
		time.AfterFunc(time.Until(l.retryAt), l.signal)
	}
	l.w.wantRefresh()
	return false
}

var errNoAddress = errors.New("the cluster names no address for it")

// delayRetryLocked delays the next connection, except after the first loss.
func (l *sender) delayRetryLocked() {
	if l.fails++; l.fails > 1 {
		l.retryAt = time.Now().Add(backoff(l.fails))
	}
}

// backoff returns the pause after n errors in a row: 20 ms, doubled up to a second.
func backoff(n int) time.Duration { return min(10*time.Millisecond<<min(n, 10), time.Second) }

// collectLocked takes the batches of the next request; nil when there are too few.
func (l *sender) collectLocked(now time.Time) *request {
	if len(l.flight) >= l.w.sink.inFlight || !l.hasReadyLocked(minRequestBytes[len(l.flight)]) || l.shouldLingerLocked(now) {
		return nil
	}
	if err := l.checkExpiredLocked(now); err != nil {
		l.w.failLocked(err)
		return nil
	}
	q := &request{sender: l, sending: true}
	n, later := 0, l.ready[:0]
	for i, p := range l.ready {
		if p.leader == l.id && p.sendable(now) && n > 0 && n+p.queue[0].bytes() > requestTarget {
			later = append(later, l.ready[i:]...)
			break
		}
		p.scheduled = false
		if p.leader != l.id || !p.sendable(now) {
			l.w.scheduleLocked(p, now)
			continue
		}
		b := p.take(now)
		n += b.bytes()
		q.batches = append(q.batches, b)
		if p.sendable(now) { // a second batch of a partition needs a second request
			p.scheduled = true
			later = append(later, p)
		}
	}
	clear(l.ready[len(later):])
	l.ready = later
	if len(q.batches) == 0 {
		return nil
	}
	l.flight = append(l.flight, q)
	l.linger.countRequest(n, now)
	return q
}

// shouldLingerLocked reports whether a request should wait for more: until the next response, or, without a request
// in flight, for a short time.
func (l *sender) shouldLingerLocked(now time.Time) bool {
	if l.hasReadyLocked(l.linger.minBytes) {
		l.linger.waitingSince = time.Time{}
		return false
	}
	if len(l.flight) > 0 {
		return true
	}
	wait, first := l.linger.wait(now)
	if first {
		time.AfterFunc(maxLinger, l.signal)
	}
	return wait
}

// hasReadyLocked reports whether at least n bytes are ready.
func (l *sender) hasReadyLocked(n int) bool {
	for _, p := range l.ready {
		for _, b := range p.queue {
			if n -= b.bytes(); n <= 0 {
				return true
			}
		}
	}
	return false
}

// checkExpiredLocked returns an error when Kafka has not heard from us for so long that another process may have
// taken over, or Kafka may have forgotten us.
func (l *sender) checkExpiredLocked(now time.Time) error {
	if quiet := now.Sub(l.w.acked); l.w.unacked > 0 && quiet > l.w.sink.giveUp {
		return l.w.stalledErrorLocked(quiet)
	}
	if now.Round(0).Sub(l.w.renewed) > renewWithin {
		return fmt.Errorf("write to Kafka: the coordinator was not asked for %s: %w", renewWithin, context.DeadlineExceeded)
	}
	return nil
}

// stalledErrorLocked returns why nothing is stored.
func (w *Writer) stalledErrorLocked(quiet time.Duration) error {
	all := []*partition{w.commits.part}
	for _, t := range w.topics {
		all = append(all, t.parts...)
	}
	cause := leaderless(w.sink.cluster, slices.DeleteFunc(all, func(p *partition) bool { return !p.hasUnacked() }))
	if cause == nil {
		cause = w.cause
	}
	if cause == nil {
		cause = context.DeadlineExceeded
	}
	return fmt.Errorf("write to Kafka: nothing stored for %s: %w", quiet.Round(time.Second), cause)
}

// dropConnLocked gives up the connection that has carried q: the fate of its requests is unknown.
func (l *sender) dropConnLocked(q *request, err error) {
	if q.done {
		return // from a connection that was given up earlier
	}
	addr, _ := l.w.sink.cluster.Addr(l.id)
	l.w.cause = fmt.Errorf("send to Kafka broker %d: %w", l.id, kafkaconnect.CutOff(addr, err))
	l.connBroken = true
	l.delayRetryLocked()
	lost := l.flight
	l.flight = nil
	now := time.Now()
	for _, q := range lost {
		q.done, q.lost = true, true
	}
	for _, q := range lost {
		if !q.sending {
			q.requeueLocked(now)
		}
	}
	l.w.wantRefresh()
	l.signal()
}

// requeueLocked has the batches of a lost request sent again.
func (q *request) requeueLocked(now time.Time) {
	for _, b := range q.batches {
		b.part.pending--
		b.part.stalled = true
		q.sender.w.retryOrContinueLocked(b.part, now)
	}
}

// retryOrContinueLocked sends a partition's batches again when all in flight are answered and some have failed;
// otherwise it sends the next ones.
func (w *Writer) retryOrContinueLocked(p *partition, now time.Time) {
	if p.stalled && p.pending == 0 && len(p.flight) > 0 {
		p.rewind(w)
		p.tries++
		w.sink.counters.retries.Add(1)
		time.AfterFunc(backoff(p.tries-1), func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			p.stalled = false
			w.scheduleLocked(p, time.Now())
		})
		return
	}
	w.scheduleLocked(p, now)
}
