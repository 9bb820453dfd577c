package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/bufpool"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/kafka/wire"
	"github.com/tailrace/tailrace/transform"
)

const (
	// maxKeptBuffer is the size in bytes up to which the memory of one event is kept for the next.
	maxKeptBuffer = 1 << 20
	// largeFrom is the size in bytes from which an event is encoded into memory that becomes part of its batch, without a copy.
	largeFrom = 16 << 10
)

// event stages the records of one event.
func (w *Writer) event(ctx context.Context, e *transform.Event) error {
	if w.prepared != e.Change.Table {
		if err := w.enc.Prepare(ctx, e.Change.Table); err != nil {
			return fmt.Errorf("prepare the format of %s: %w", e.Change.Table, err)
		}
		w.prepared = e.Change.Table
	}
	t, err := w.topicOf(ctx, e)
	if err != nil {
		return w.noTopic(ctx, e, err)
	}
	if int(e.Partition) > len(t.parts) {
		return w.reject(ctx, e, t.name, noPartition(e, t))
	}
	raw := rawSize(e)
	if raw/16 > t.limit { // JSON can be shorter than Postgres' text, but never by this much
		return w.reject(ctx, e, t.name, tooLarge(raw/16, t))
	}
	if raw >= largeFrom {
		err = w.encodeLarge(ctx, e, t, raw)
	} else {
		err = w.encode(ctx, e, t, &w.encoded)
	}
	if err == nil && w.open.bytes >= stageTarget {
		return w.handOver(ctx)
	}
	return err
}

// noTopic rejects an event whose row names a topic that Kafka cannot have; any other error concerns the Writer.
func (w *Writer) noTopic(ctx context.Context, e *transform.Event, err error) error {
	var why *sink.Rejected
	if errors.As(err, &why) {
		return w.reject(ctx, e, e.Topic, why)
	}
	return err
}

// encode stages the records of an event, which it encodes into b.
func (w *Writer) encode(ctx context.Context, e *transform.Event, t *topic, b *format.Buffer) error {
	if b.Reset(); cap(b.Bytes) > maxKeptBuffer {
		b.Bytes = nil
	}
	if why := w.encodeRecords(b, e, t); why != nil {
		return w.reject(ctx, e, t.name, why)
	}
	for i := range b.Records {
		w.stage(t, e, &b.Records[i])
	}
	return nil
}

// encodeLarge is encode for an event with about raw bytes of text: it encodes into memory that the record keeps, if
// the event becomes one record and that is still large.
func (w *Writer) encodeLarge(ctx context.Context, e *transform.Event, t *topic, raw int) error {
	b := &w.large
	b.Reset()
	own := bufpool.Get(wire.Before + raw + raw/16 + 1024) // escaping can need more
	b.Bytes = own.Bytes[:wire.Before]
	why := w.encodeRecords(b, e, t)
	own.Bytes, b.Bytes = b.Bytes, nil
	if why != nil {
		own.Release()
		return w.reject(ctx, e, t.name, why)
	}
	if r := &b.Records[0]; len(b.Records) == 1 && isTail(own.Bytes, r.Value) && !everywhere(e) {
		w.open.addOwned(w.partition(t, e, r), r, own)
		return nil
	}
	for i := range b.Records {
		w.stage(t, e, &b.Records[i])
	}
	own.Release()
	return nil
}

// isTail reports whether value is large and is the end of b.
func isTail(b, value []byte) bool {
	return len(value) >= largeFrom && &value[len(value)-1] == &b[len(b)-1]
}

// encodeRecords encodes an event into b. It returns the reason when the topic can never accept it.
func (w *Writer) encodeRecords(b *format.Buffer, e *transform.Event, t *topic) *sink.Rejected {
	if err := w.enc.Append(b, e); err != nil {
		return &sink.Rejected{Reason: format.Reason(err), Err: err}
	}
	for i := range b.Records {
		if n := recordSize(&b.Records[i]) + wire.BatchHead; n > t.limit {
			return tooLarge(n, t)
		}
	}
	return nil
}

// rawSize returns roughly how many bytes of text the event carries.
func rawSize(e *transform.Event) int {
	n := len(e.Key) + len(e.Data)
	for _, h := range e.Headers {
		n += len(h.Name) + len(h.Value)
	}
	if e.HasData {
		return n
	}
	for _, row := range [...][]capture.Value{e.Change.Before, e.Change.After} {
		for i := range row {
			n += len(row[i].Bytes) + 8
		}
	}
	return n
}

func noPartition(e *transform.Event, t *topic) *sink.Rejected {
	return &sink.Rejected{
		Reason: "no_partition",
		Err:    fmt.Errorf("topic %s has %d partitions, and none with the number %d", t.name, len(t.parts), e.Partition-1),
	}
}

func tooLarge(n int, t *topic) *sink.Rejected {
	return &sink.Rejected{
		Reason: "too_large",
		Err:    fmt.Errorf("at least %d bytes, topic %s accepts %d (max.message.bytes)", n, t.name, t.limit),
	}
}
