package postgres

import (
	"context"
	"errors"
	"sync"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/queue"
)

var errClosed = errors.New("the writer is closed")

// Writer writes one lane. The goroutine of Write copies changes, and the worker applies them. See sink.Writer.
type Writer struct {
	sink  *Sink
	row   *progress
	lane  sink.Lane
	queue *queue.Queue
	stop  context.CancelFunc
	ended chan struct{} // closed when the worker has returned

	mu     sync.Mutex // for closed and the calls to the lane
	closed bool
}

func newWriter(s *Sink, lane sink.Lane, db *dml.Conn, row *progress) *Writer {
	ctx, stop := context.WithCancel(context.Background())
	w := &Writer{sink: s, row: row, lane: lane, queue: queue.New(), stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		defer db.Close()
		w.fail(newApplier(s, db, row, w.onDurable).runWorker(ctx, w.queue))
	}()
	return w
}

// Write implements sink.Writer.
func (w *Writer) Write(ctx context.Context, batches []sink.Batch) error {
	return w.queue.Put(ctx, batches)
}

// Record implements sink.Recorder. It opens a connection of its own, because only the worker may use the worker's.
func (w *Writer) Record(ctx context.Context, p sink.Progress) error {
	ctx, stop := context.WithTimeoutCause(ctx, openTimeout, errTimeout)
	defer stop()
	db, err := w.sink.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	return w.row.rewrite(ctx, db, p)
}

// onDurable reports to the lane that everything up to p is durable.
func (w *Writer) onDurable(p capture.Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.lane.OnDurable(p)
	}
}

func (w *Writer) fail(err error) {
	if !w.queue.Fail(err) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.lane.Failed(err)
	}
}

// Close implements sink.Writer. An open transaction is rolled back.
func (w *Writer) Close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.queue.Fail(errClosed)
	w.stop()
	<-w.ended
	return nil
}
