package kafka

import (
	"context"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/bufpool"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/transform"
)

// openBatches is what the goroutine of Write has encoded and not handed over yet.
type openBatches struct {
	first   int    // the number of spans[0]
	spans   []span // the last one may be open
	batches []*batch
	bytes   int
}

// currentSpan returns the number of the span that is open.
func (s *openBatches) currentSpan() int {
	if n := len(s.spans); n > 0 && !s.spans[n-1].closed {
		return s.first + n - 1
	}
	s.spans = append(s.spans, span{})
	return s.first + len(s.spans) - 1
}

// endSpan closes the open span.
func (s *openBatches) endSpan(e span) {
	p := &s.spans[s.currentSpan()-s.first]
	p.end, p.state, p.last, p.closed = e.end, e.state, e.last, true
}

// add appends a record to the open batch of its partition.
func (s *openBatches) add(p *partition, r *format.Record) {
	s.batchFor(p, recordSize(r)).records.Add(r.Key, r.Value, r.Headers)
}

// addOwned is add without a copy: the value is the end of own, which has room before it. See wire.Records.Take.
func (s *openBatches) addOwned(p *partition, r *format.Record, own *bufpool.Buffer) {
	s.batchFor(p, recordSize(r)).records.Take(own, len(own.Bytes)-len(r.Value), r.Key, r.Headers)
}

// batchFor returns the batch of p that takes the next record, of n bytes.
func (s *openBatches) batchFor(p *partition, n int) *batch {
	at := s.currentSpan()
	b := p.open
	if b == nil || b.bytes()+n > p.topic.batchMax() {
		b = &batch{part: p, first: at}
		p.open = b
		s.batches = append(s.batches, b)
	}
	s.bytes += n
	s.spans[at-s.first].bytes += n
	return b
}

// reset removes what was handed over. A span that is still open keeps its number.
func (s *openBatches) reset() {
	open := len(s.spans) > 0 && !s.spans[len(s.spans)-1].closed
	s.first += len(s.spans)
	clear(s.batches)
	s.spans, s.batches, s.bytes = s.spans[:0], s.batches[:0], 0
	if open {
		s.first--
		s.spans = append(s.spans, span{})
	}
}

// stage adds a record to the open batch of its partition, or of all partitions.
func (w *Writer) stage(t *topic, e *transform.Event, r *format.Record) {
	if !everywhere(e) {
		w.open.add(w.partition(t, e, r), r)
		return
	}
	for _, p := range t.parts {
		w.open.add(p, r)
	}
}

// everywhere reports whether an event goes to all partitions: a consumer of any of them has to see a truncation.
func everywhere(e *transform.Event) bool { return e.Change.Op == capture.Truncate && e.Plain() }

// partition returns the partition of a record.
func (w *Writer) partition(t *topic, e *transform.Event, r *format.Record) *partition {
	if e.Partition > 0 {
		return t.parts[e.Partition-1]
	}
	key := r.Key
	if key == nil { // events without a key stay in the order of their table
		key = []byte(e.Change.Table.String())
	}
	return t.parts[partitionFor(key, len(t.parts))]
}

// handOver passes the open batches to the senders, and waits while too much is in flight.
func (w *Writer) handOver(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	now := time.Now()
	for i, s := range w.open.spans {
		at := w.acks.span(w.open.first + i)
		w.acks.grow(w.open.first+i, s.bytes)
		at.end, at.last, at.closed = s.end, s.last, s.closed
		if s.state != nil {
			at.state = append([]byte{}, s.state...)
		}
	}
	for _, b := range w.open.batches {
		b.part.open = nil
		w.enqueueLocked(b, now)
	}
	w.open.reset()
	w.advanceLocked()
	return w.waitLocked(ctx, func() bool { return w.acks.bytes <= w.sink.limit || len(w.acks.list) <= 1 })
}
