package kafka

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka/wire"
)

// handleResponse is called on the goroutine of the connection that has carried q.
func (q *request) handleResponse(answers map[wire.Place]wire.Answer, err error) {
	w := q.sender.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		q.sender.dropConnLocked(q, err)
		return
	}
	if q.done {
		return
	}
	q.removeFromFlightLocked()
	q.sender.fails = 0
	now := time.Now()
	for _, b := range q.batches {
		a, ok := answers[wire.Place{Topic: b.part.topic.name, Partition: b.part.id}]
		if !ok {
			a.Err = sarama.ErrNetworkException
		}
		b.part.pending--
		w.handleAnswerLocked(b, a, now)
	}
	if !q.sending {
		q.freeStoredLocked()
	}
	w.advanceLocked()
	for _, b := range q.batches {
		w.retryOrContinueLocked(b.part, now)
	}
	q.sender.signal()
}

// removeFromFlightLocked removes the request from its sender's requests in flight.
func (q *request) removeFromFlightLocked() {
	q.done = true
	for i, o := range q.sender.flight {
		if o == q {
			q.sender.flight = append(q.sender.flight[:i], q.sender.flight[i+1:]...)
			return
		}
	}
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

// handleAnswerLocked handles the answer for one batch.
func (w *Writer) handleAnswerLocked(b *batch, a wire.Answer, now time.Time) {
	p := b.part
	switch classify(a.Err) {
	case outcomeStored:
		w.batchStoredLocked(b, now)
		return
	case outcomeOutOfOrder:
		if p.flight[0] == b && !p.stalled {
			w.failLocked(fmt.Errorf("store a batch in %s/%d: the broker has lost the batch before it: %w", p.topic.name, p.id, a.Err))
		}
	case outcomeTooLarge:
		w.handleTooLargeLocked(b, a.Err)
	case outcomeFenced:
		w.failLocked(fmt.Errorf("store a batch in %s/%d: %w (%w)", p.topic.name, p.id, sink.ErrFenced, a.Err))
	case outcomeFatal:
		w.failLocked(w.refusal(p, a))
	case outcomeRetry:
		w.wantRefresh()
	}
	p.stalled = true
	w.cause = fmt.Errorf("store a batch in %s/%d: %w", p.topic.name, p.id, a.Err)
}

// batchStoredLocked is called when a batch is durable.
func (w *Writer) batchStoredLocked(b *batch, now time.Time) {
	p := b.part
	b.stored = true
	p.remove(b)
	p.acked, p.oneInFlight, p.tries = now, false, 0
	w.acked, w.cause = now, nil
	w.unacked--
	p.topic.unacked--
	if b.progress != nil {
		w.commitStoredLocked(b.progress)
		return
	}
	w.acks.span(b.first).open--
	w.sink.counters.records.Add(int64(b.records.Len()))
	if p.topic.unacked == 0 && p.topic.grown > 0 {
		w.changed.Broadcast()
	}
}

// handleTooLargeLocked has a batch split after all requests in flight are answered, and makes later batches smaller.
// For a single record the lane rewinds; the limit of the topic is known then, and Write rejects the record.
func (w *Writer) handleTooLargeLocked(b *batch, e sarama.KError) {
	t := b.part.topic
	if b.records.Len() > 1 {
		t.target.Store(int64(min(t.batchMax(), b.bytes()/2)))
		b.tooLarge = true
		return
	}
	w.sink.topics.LearnLimit(t.name, b.bytes()-1)
	w.failLocked(fmt.Errorf("store a record of %d bytes in %s: %w", b.bytes(), t.name, e))
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

// refusal returns the error for an answer that no retry can change.
func (w *Writer) refusal(p *partition, a wire.Answer) error {
	c, said := w.sink.cluster, error(a.Err)
	if a.Message != "" {
		said = fmt.Errorf("%w: %s", a.Err, a.Message)
	}
	switch a.Err {
	case sarama.ErrTopicAuthorizationFailed:
		return c.NotAuthorized("Topic", p.topic.name, "WRITE", said)
	case sarama.ErrClusterAuthorizationFailed:
		return c.NotAuthorized("Cluster", "kafka-cluster", "IdempotentWrite", said)
	case sarama.ErrTransactionalIDAuthorizationFailed:
		return c.NotAuthorized("TransactionalId", w.fence.Name, "WRITE", said)
	case sarama.ErrInvalidRecord, sarama.ErrInvalidTimestamp, sarama.ErrPolicyViolation, sarama.ErrInvalidTopic,
		sarama.ErrUnsupportedForMessageFormat, sarama.ErrUnsupportedCompressionType:
		return &capture.Problem{
			State: "refused", Halted: true, Usage: true, Reason: fmt.Sprintf("topic %s refuses our records", p.topic.name), Err: said,
			Fix: fmt.Sprintf("check its settings: %s --describe --all --entity-type topics --entity-name '%s'\n"+
				"a compacted topic refuses records without a key: give the table a key, or the topic cleanup.policy=delete",
				c.Tool("kafka-configs.sh"), p.topic.name),
		}
	}
	return fmt.Errorf("store a batch in %s/%d: %w", p.topic.name, p.id, said)
}
