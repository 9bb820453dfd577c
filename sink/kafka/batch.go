package kafka

import (
	"math"
	"time"

	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/kafka/fencing"
	"github.com/tailrace/tailrace/sink/kafka/progress"
	"github.com/tailrace/tailrace/sink/kafka/wire"
)

// batch is a sequence of records of one partition. It can grow until it is sealed; after that every retry is
// identical.
type batch struct {
	part     *partition
	records  wire.Records
	first    int // the number of the span of its first record
	sealed   bool
	stored   bool  // acknowledged: its memory can be reused as soon as its request has been written
	seq      int32 // of the first record, once sealed
	stamp    time.Time
	tooLarge bool             // the broker has refused it because of its size
	progress *progress.Record // what it stores; nil for events
}

// recordSize returns how many bytes a record takes on the wire at most.
func recordSize(r *format.Record) int { return wire.RecordSize(r.Key, r.Value, r.Headers) }

// bytes returns how long the batch is on the wire at most, before compression.
func (b *batch) bytes() int { return wire.BatchHead + b.records.Size() }

// seal gives the batch its sequence numbers, from those of the partition, and its time. Only the first call has an
// effect.
func (b *batch) seal(now time.Time) {
	if b.sealed {
		return
	}
	b.sealed, b.seq, b.stamp = true, b.part.seq, now
	b.part.seq = sequenceAfter(b.seq, b.records.Len())
}

// sequenceAfter returns the sequence number n records after seq: it wraps to 0 after 2^31-1.
func sequenceAfter(seq int32, n int) int32 {
	return int32((int64(seq) + int64(n)) & math.MaxInt32)
}

// wirePart returns the batch as p writes it.
func (b *batch) wirePart(p fencing.Producer) wire.Part {
	return wire.Part{Topic: b.part.topic.name, Partition: b.part.id, Batch: wire.Batch{
		ProducerID: p.ID, ProducerEpoch: p.Epoch, Sequence: b.seq, Time: b.stamp, Records: &b.records,
	}}
}

// split cuts a sealed batch in two. Sequence numbers count records, so those of later batches remain valid.
func (b *batch) split() (*batch, *batch) {
	n := b.records.Len() / 2
	one := &batch{part: b.part, first: b.first, sealed: true, seq: b.seq, stamp: b.stamp}
	two := &batch{part: b.part, first: b.first, sealed: true, seq: sequenceAfter(b.seq, n), stamp: b.stamp}
	one.records, two.records = b.records.Split(n)
	return one, two
}
