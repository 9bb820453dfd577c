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

// outcome is what a broker's answer means for a batch.
type outcome uint8

const (
	outcomeStored     outcome = iota // durable, by this attempt or an earlier one
	outcomeRetry                     // send the same batch again, perhaps to another broker
	outcomeOutOfOrder                // send it again after the batches before it are stored; fatal when there are none
	outcomeTooLarge                  // split it
	outcomeFenced                    // another process has opened the sink
	outcomeFatal                     // the lane rewinds
)

// classify returns what an error code means for a batch.
func classify(e sarama.KError) outcome {
	switch e {
	case sarama.ErrNoError, sarama.ErrDuplicateSequenceNumber:
		return outcomeStored
	case sarama.ErrOutOfOrderSequenceNumber:
		return outcomeOutOfOrder
	case sarama.ErrMessageSizeTooLarge, sarama.ErrMessageSetSizeTooLarge:
		return outcomeTooLarge
	case sarama.ErrInvalidProducerEpoch, sarama.ErrProducerFenced:
		return outcomeFenced
	}
	if kafkaconnect.IsTransient(e) {
		return outcomeRetry
	}
	return outcomeFatal
}

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
