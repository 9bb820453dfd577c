package kafka

import (
	"math"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
)

const (
	batchOverhead  = 61 // bytes of a record batch without records
	recordOverhead = 26 // at most, without key, value and headers: four varints of 5, a byte, and 5 for the headers' count
	headerOverhead = 10 // two varints of 5
)

// batch is records of one partition. Until it is sealed it can still grow; then it is what stands on the wire, and every
// repetition is identical.
type batch struct {
	part    *partition
	records []*sarama.Record
	bytes   int // at most this long on the wire, before compression
	first   int // the number of the span of its first record
	sealed  bool
	seq     int32 // of the first record, once sealed
	stamp   time.Time
	wire    *sarama.RecordBatch // caches its encoding, so it is never used for anything else
	tooBig  bool                // the broker refused it for its size
	note    *note               // the progress that it records; nil for events
}

// note is a progress record on its way.
type note struct {
	position capture.Position
	topics   int // how many of the Writer's topics it names
}

// size is an upper bound for a record on the wire.
func size(r *sarama.Record) int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += headerOverhead + len(h.Key) + len(h.Value)
	}
	return n
}

// merge takes the records of o, which follow.
func (b *batch) merge(o *batch) {
	b.records = append(b.records, o.records...)
	b.bytes += o.bytes - batchOverhead
}

// seal gives the batch its sequence numbers, from the partition's, and its time. Only the first call does something.
func (b *batch) seal(now time.Time) {
	if b.sealed {
		return
	}
	b.sealed, b.seq, b.stamp = true, b.part.seq, now
	b.part.seq = after(b.seq, len(b.records))
}

// after is the sequence number n records later: it wraps to 0 after 2^31-1.
func after(seq int32, n int) int32 {
	return int32((int64(seq) + int64(n)) & math.MaxInt32)
}

// encodeFor makes the wire form on the first call. Later calls return the same: a repetition is identical.
func (b *batch) encodeFor(p producer, codec sarama.CompressionCodec) *sarama.RecordBatch {
	if b.wire != nil {
		return b.wire
	}
	for i, r := range b.records {
		r.OffsetDelta = int64(i)
	}
	b.wire = &sarama.RecordBatch{
		Version: 2, PartitionLeaderEpoch: -1, Codec: codec, CompressionLevel: sarama.CompressionLevelDefault,
		ProducerID: p.id, ProducerEpoch: p.epoch, FirstSequence: b.seq,
		FirstTimestamp: b.stamp, MaxTimestamp: b.stamp,
		Records: b.records, LastOffsetDelta: int32(len(b.records) - 1),
	}
	return b.wire
}

// split cuts a sealed batch into two. The sequence numbers count records, so those of later batches stand.
func (b *batch) split() (*batch, *batch) {
	n := len(b.records) / 2
	return b.part2(0, n), b.part2(n, len(b.records))
}

func (b *batch) part2(from, to int) *batch {
	c := &batch{part: b.part, records: b.records[from:to:to], bytes: batchOverhead, first: b.first, sealed: true, stamp: b.stamp}
	c.seq = after(b.seq, from)
	for _, r := range c.records {
		c.bytes += size(r)
	}
	return c
}
