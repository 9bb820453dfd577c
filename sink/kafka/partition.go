package kafka

import (
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// maxInFlight is how many batches of a partition may be in flight: a broker remembers the last five of a producer, so
// it recognizes a retry of any of these.
const maxInFlight = 5

// topic is a topic that the Writer writes to. Everything but the name is guarded by Writer.mu, where nothing else is
// said.
type topic struct {
	name    string
	uuid    sarama.Uuid
	limit   int          // bytes of a batch that the topic accepts; never changes
	target  atomic.Int64 // target size of a batch in bytes, where less than batchTarget; 0: the limit
	parts   []*partition // replaced by the goroutine of Write only, which reads it without the lock
	grown   int          // number of partitions in the cluster, when there are more
	unacked int          // batches handed over and not acknowledged
	missing time.Time    // since when the cluster does not know the topic; zero: it does
}

// newTopic returns a topic as the cluster has described it, to which nothing was written yet.
func newTopic(d *topics.Topic) *topic {
	t := &topic{name: d.Name, uuid: d.ID, limit: d.Limit}
	for _, p := range d.Partitions {
		q := newPartition(t, p.ID)
		q.leader, q.replicas = p.Leader, p.Replicas
		t.parts = append(t.parts, q)
	}
	return t
}

func newPartition(t *topic, id int32) *partition {
	return &partition{topic: t, id: id, leader: -1, oneInFlight: true}
}

// leaderless returns the state of those partitions that have no leader; nil when all have one.
func leaderless(c *kafkaconnect.Cluster, all []*partition) error {
	parts := make([]topics.Partition, len(all))
	for i, p := range all {
		parts[i] = topics.Partition{Topic: p.topic.name, ID: p.id, Leader: p.leader, Replicas: p.replicas}
	}
	return topics.Offline(c, parts)
}

// partition has the batches of one partition in order: those that wait, and those in flight, oldest first. Its
// methods expect Writer.mu.
//
// A batch gets its sequence numbers when it is first sent. After an error nothing more is sent until all batches in
// flight have been answered; then those that are not stored return to the head of the queue and are sent again
// unchanged, one batch alone first.
type partition struct {
	topic       *topic
	id          int32
	leader      int32   // broker; -1: unknown
	replicas    []int32 // brokers with a replica
	seq         int32   // of the next record that is sealed
	queue       []*batch
	flight      []*batch
	pending     int       // unanswered requests with a batch of this partition
	stalled     bool      // after an error, while requests are pending, and during the pause that follows
	oneInFlight bool      // one batch at a time until one is stored: a broker that has forgotten us accepts any sequence number
	acked       time.Time // when the last was stored
	tries       int       // errors in a row
	scheduled   bool      // in the ready list of its leader's sender
	open        *batch    // not handed over yet; owned by the goroutine of Write
}

// sendable reports whether the first batch of the queue may be sent now.
func (p *partition) sendable(now time.Time) bool {
	if len(p.queue) == 0 || p.stalled || p.leader < 0 {
		return false
	}
	if p.oneInFlight || now.Sub(p.acked) > oneInFlightAfter {
		return len(p.flight) == 0
	}
	return len(p.flight) < maxInFlight
}

// oneInFlightAfter is how long a partition may be idle before one batch has to be stored before others are sent: its
// leader forgets idle producers (producer.id.expiration.ms, a day by default), and then accepts whatever comes first.
const oneInFlightAfter = 10 * time.Minute

// mergeIntoLast appends b to the last batch of the queue if that is small enough, and reports whether it did. A batch
// of events begins in the span of its first record, so after that no batch begins at the first record of b.
func (p *partition) mergeIntoLast(b *batch) bool {
	if len(p.queue) == 0 || b.progress != nil {
		return false
	}
	last := p.queue[len(p.queue)-1]
	if last.sealed || last.progress != nil || last.bytes()+b.records.Size() > p.topic.batchMax() {
		return false
	}
	last.records.Append(&b.records)
	return true
}

// take moves the first batch of the queue to those in flight: batches are sent in their order (I3).
func (p *partition) take(now time.Time) *batch {
	b := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	b.seal(now)
	p.flight = append(p.flight, b)
	p.pending++
	return b
}

// batchMax returns the target size of a batch; a single record may be larger.
func (t *topic) batchMax() int {
	if n := int(t.target.Load()); n > 0 {
		return n
	}
	return min(t.limit, batchTarget)
}

func (p *partition) hasUnacked() bool { return len(p.queue)+len(p.flight) > 0 }

// remove removes b from the batches in flight.
func (p *partition) remove(b *batch) {
	for i, o := range p.flight {
		if o == b {
			p.flight = append(p.flight[:i], p.flight[i+1:]...)
			return
		}
	}
}

// rewind returns all batches in flight to the head of the queue, in order (I3); it splits those that the broker found
// too large. No request is pending.
func (p *partition) rewind(w *Writer) {
	var again []*batch
	for _, b := range p.flight {
		if !b.tooLarge {
			again = append(again, b)
			continue
		}
		one, two := b.split()
		again = append(again, one, two)
		w.unacked++
		p.topic.unacked++
		w.acks.span(two.first).open++
	}
	p.queue = append(again, p.queue...)
	p.flight = p.flight[:0]
	p.oneInFlight = true
}
