package kafka

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/kafka/fencing"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

const (
	batchTarget   = 1 << 20   // bytes of a batch, where the topic permits it
	requestTarget = 1 << 20   // bytes of a request, unless a single batch is larger
	stageTarget   = 128 << 10 // bytes that Write collects before it passes them to the senders
	inFlightBytes = 4 << 20   // bytes that are accepted and not stored
)

// Writer writes one lane. The goroutine of Write encodes; one goroutine per broker sends, one per connection reads
// responses, and one does maintenance. Close waits for the senders and the maintenance. They share the fields that mu
// guards.
type Writer struct {
	sink       *Sink
	lane       sink.Lane
	name       string // of the lane in the progress topic
	producer   fencing.Producer
	enc        format.Encoder
	ctx        context.Context // ends with the Writer
	stop       context.CancelFunc
	fence      *fencing.TransactionalID
	goroutines sync.WaitGroup

	// owned by the goroutine of Write
	prepared *capture.Table // the shape that enc is prepared for
	encoded  format.Buffer  // of one event
	large    format.Buffer  // of a large one; its bytes go into the event's batch
	open     openBatches
	names    map[tableName]string // topics by table
	last     struct {             // the event before
		table *capture.Table
		topic *topic
	}
	inherited map[string]*topics.Topic // topics that older writers have registered, as Open has fenced them; nil: there was none to fence
	lookahead []sink.Batch             // of this Write, to prepare their topics together; nil: one by one
	refused   error                    // what Write has returned, although earlier events are still sent
	grown     atomic.Bool              // a topic has more partitions now

	mu      sync.Mutex // guards what follows
	changed sync.Cond  // room, errors, drained topics, recorded topics
	err     error      // final
	closed  bool
	topics  map[string]*topic
	senders map[int32]*sender
	acks    ackTracker
	commits commitState
	unacked int       // batches handed over and not acknowledged, with progress records
	acked   time.Time // when one was last acknowledged, or none was in flight
	cause   error     // the last retriable error
	refresh chan struct{}
	renewed time.Time // when the coordinator last confirmed our epoch, by the wall clock
}

type tableName struct{ schema, name string }

// Write implements sink.Writer. When it has returned, everything is encoded into memory of our own.
func (w *Writer) Write(ctx context.Context, batches []sink.Batch) error {
	if err := w.checkUsable(ctx); err != nil {
		return err
	}
	w.lookahead = batches
	err := w.accept(ctx, batches)
	w.lookahead = nil
	if err != nil && w.refused == nil {
		w.refused = err // part of it may have been accepted: nothing may follow
	}
	return err
}

func (w *Writer) accept(ctx context.Context, batches []sink.Batch) error {
	for i := range batches {
		b := &batches[i]
		for j := range b.Events {
			if err := w.event(ctx, &b.Events[j]); err != nil {
				return w.refuse(ctx, &b.Events[j], err)
			}
		}
		w.open.endSpan(span{end: b.End, state: b.State, last: b.Last, closed: true})
	}
	return w.handOver(ctx)
}

// checkUsable returns the error of a Writer that has failed, and starts to use partitions that were added.
func (w *Writer) checkUsable(ctx context.Context) error {
	if w.refused != nil {
		return w.refused
	}
	w.mu.Lock()
	err := w.err
	w.mu.Unlock()
	if err == nil && w.grown.Load() {
		err = w.adoptPartitions(ctx)
	}
	return err
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

// waitLocked waits until done returns true.
func (w *Writer) waitLocked(ctx context.Context, done func() bool) error {
	if w.err == nil && done() {
		return nil
	}
	stop := context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.changed.Broadcast()
	})
	defer stop()
	for w.err == nil && !done() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w.changed.Wait()
	}
	return w.err
}

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

// advanceLocked removes complete spans, and has the progress recorded.
func (w *Writer) advanceLocked() {
	if end, state, last, ok := w.acks.advance(); ok {
		w.commits.advance(end, state, last)
		w.commitLocked(false)
		w.changed.Broadcast()
	}
}

// failLocked ends the Writer.
func (w *Writer) failLocked(err error) {
	if w.err != nil {
		return
	}
	w.err = err
	w.changed.Broadcast()
	if !w.closed {
		w.lane.Failed(err)
	}
}

// Close implements sink.Writer.
func (w *Writer) Close() error {
	w.mu.Lock()
	if !w.closed {
		w.sink.setLast(&lastWriter{w.name, w.producer, w.commits.part.topic.uuid, w.commits.stored})
	}
	w.closed = true
	w.failLocked(fmt.Errorf("write to Kafka: %w", context.Canceled))
	if w.commits.timer != nil {
		w.commits.timer.Stop()
	}
	for _, l := range w.senders {
		l.conn.kill()
	}
	w.mu.Unlock()
	w.stop()
	w.goroutines.Wait()
	return nil
}

func (w *Writer) log() *zap.Logger { return w.sink.log }
