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
// responses, and one does maintenance. Close waits for all of them but the first. They share the fields that mu
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

// wantRefresh requests a refresh of the metadata soon.
func (w *Writer) wantRefresh() {
	select {
	case w.refresh <- struct{}{}:
	default:
	}
}

func (w *Writer) log() *zap.Logger { return w.sink.log }
