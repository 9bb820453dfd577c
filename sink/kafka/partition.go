package kafka

import (
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// maxInFlight is how many batches of a partition may be on their way: a broker remembers the last five of a producer, so
// five can be repeated and recognized.
const maxInFlight = 5

// topic is one that the Writer writes to. All but the fixed name belongs to the Writer's lock.
type topic struct {
	name    string
	uuid    sarama.Uuid
	limit   int          // bytes of a batch that the topic takes; fixed
	target  atomic.Int64 // bytes that we let a batch become, when less than batchTarget; 0: the limit
	parts   []*partition // replaced by the goroutine of Write alone, which reads it without the lock
	grown   int          // how many partitions there are by now, when more
	unacked int          // batches handed over and not acknowledged
	missing time.Time    // since when the cluster does not know it; zero: it does
}

// partition is the order of one partition: what waits, then what is on its way, oldest first.
//
// Batches get their sequence numbers when they are first sent. After an error nothing more is sent until all that is on
// its way has been answered; then all that is not stored goes back to the head of the queue and is sent again as it was,
// one batch alone first.
type partition struct {
	topic       *topic
	id          int32
	leader      int32   // broker; -1: unknown
	epoch       int32   // the leader's, when the topic was described: another leader has another
	replicas    []int32 // brokers that keep it
	seq         int32   // of the next record that is sealed
	queue       []*batch
	flight      []*batch
	pending     int       // requests that are not answered and carry a batch of this partition
	stalled     bool      // an error has been seen and pending is not zero yet, or the pause after it lasts
	oneInFlight bool      // one at a time until one is stored: a broker without memory of us takes any sequence number
	acked       time.Time // when the last was stored
	tries       int       // errors in a row
	scheduled   bool      // in the ready list of its leader's link
	open        *batch    // not handed over; belongs to the goroutine of Write
}

// sendable says whether the first batch of the queue may go now.
func (p *partition) sendable(now time.Time) bool {
	if len(p.queue) == 0 || p.stalled || p.leader < 0 {
		return false
	}
	if p.oneInFlight || now.Sub(p.acked) > oneInFlightAfter {
		return len(p.flight) == 0
	}
	return len(p.flight) < maxInFlight
}

// oneInFlightAfter is how long a partition may be idle until one batch has to be stored before others are sent: its leader
// forgets producers that are idle (producer.id.expiration.ms, a day by default), and then takes whatever comes first.
const oneInFlightAfter = 10 * time.Minute

// mergeIntoLast says whether b went into the last batch of the queue, because it is small enough. A batch of events begins in the
// span of its first record, so that is not b's any more.
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

// take removes the first batch of the queue and puts it in flight: what came first goes first (I3).
func (p *partition) take(now time.Time) *batch {
	b := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	b.seal(now)
	p.flight = append(p.flight, b)
	p.pending++
	return b
}

// batchMax is how large we let a batch become, unless one record is larger.
func (t *topic) batchMax() int {
	if n := int(t.target.Load()); n > 0 {
		return n
	}
	return min(t.limit, batchTarget)
}

// remove takes b out of flight.
func (p *partition) remove(b *batch) {
	for i, o := range p.flight {
		if o == b {
			p.flight = append(p.flight[:i], p.flight[i+1:]...)
			return
		}
	}
}

// rewind puts all that is in flight back to the head of the queue, in order (I3), split where the broker found it too big.
// Nothing is pending.
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
