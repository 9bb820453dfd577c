package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// Sink invalidates and refreshes the keys of one pipeline. See sink.Sink.
type Sink struct {
	options Options
	log     *zap.Logger
	source  capture.SnapshotSource
	open    atomic.Pointer[worker] // of the newest Writer; nil: there was none
}

// New returns a sink; it contacts no server.
func New(o Options, log *zap.Logger) *Sink {
	o.setDefaults()
	return &Sink{options: o, log: log}
}

// UseSource implements sink.SourceUser.
func (s *Sink) UseSource(source capture.Source) { s.source, _ = source.(capture.SnapshotSource) }

// record is what the sink keeps in Redis: the history that the tombstones' LSNs belong to.
type record struct {
	Origin capture.Origin `json:"origin"`
	Epoch  protocol.Epoch `json:"epoch"`
}

// Open implements sink.Sink. It takes the control keys over, so that no call of an earlier Writer does anything any more (I8).
func (s *Sink) Open(ctx context.Context, lane sink.Lane) (sink.Writer, sink.Progress, error) {
	if s.source == nil {
		return nil, sink.Progress{}, errors.New("the source cannot show which transactions other sessions see")
	}
	w, err := s.connect(ctx, lane)
	if err != nil {
		return nil, sink.Progress{}, s.options.problem(err)
	}
	return w, sink.Progress{Record: sink.RecordUnsupported, AcksLate: true}, nil
}

// connect opens a Writer with a client of its own.
func (s *Sink) connect(ctx context.Context, lane sink.Lane) (w *Writer, err error) {
	client, err := s.options.Client()
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = client.Close() }) // ends a call that waits for an answer
	defer func() {
		if stop(); err != nil {
			_ = client.Close()
		}
	}()
	token, err := newToken()
	if err != nil {
		return nil, err
	}
	n := &node{client: client, library: protocol.NewLibrary(client)}
	n.owner = protocol.Owner{Control: protocol.Control{Source: s.options.Pipeline}, Token: token}
	opened, err := n.own(ctx)
	if err != nil {
		return nil, err
	}
	newEpoch, err := n.begin(ctx, opened, lane.Origin)
	if err != nil {
		return nil, err
	}
	k := &worker{
		options: s.options, lane: lane, log: s.log, queue: newQueue(s.options.Queue), node: n,
		journal: journal{limit: s.options.Journal, token: token, lsn: n.inherited}, snapshot: snapshots{reader: s.source.Snapshots()},
	}
	k.options.MaxValue = min(k.options.MaxValue, n.maxValue(ctx))
	if newEpoch || n.inherited < protocol.LSN(lane.Start.Flush()) { // commits in between are in no journal and in no stream
		k.sweep.requestAfterLoss()
		// A standby may lack these commits: there is no heartbeat until the sweep has ended.
		if err := n.replaceWatermark(ctx, n.owner.Watermark, n.owner.Watermark); err != nil {
			return nil, err
		}
	}
	s.open.Store(k)
	return newWriter(k), nil
}

// begin sets the epoch: that of the record when it is of the same history, else a new one, under which the keys are swept.
func (n *node) begin(ctx context.Context, opened protocol.Opened, from capture.Origin) (newEpoch bool, err error) {
	var r record
	if opened.Record != "" {
		if err := json.Unmarshal([]byte(opened.Record), &r); err != nil {
			return false, fmt.Errorf("read the sink's record in Redis: %w", err)
		}
	}
	mark, ok := parseWatermark(opened.Watermark)
	if sameHistory(r.Origin, from) && ok {
		n.epoch, n.inherited, n.record = r.Epoch, mark.lsn, opened.Record
		return false, nil
	}
	n.epoch = max(protocol.NewEpoch(opened.Now), r.Epoch.Next())
	text, err := json.Marshal(record{Origin: from, Epoch: n.epoch})
	if err != nil {
		return false, err
	}
	n.record = string(text)
	if err := n.replaceWatermark(ctx, opened.Watermark, ""); err != nil { // until the sweep has ended, every Open begins an epoch and sweeps
		return false, err
	}
	return true, protocol.Check(n.library.Record(ctx, n.client, n.guard(""), n.record))
}

// sameHistory reports whether LSNs of both can be compared.
func sameHistory(a, b capture.Origin) bool {
	return a.System == b.System && a.Timeline == b.Timeline && a.Database.OID == b.Database.OID && a.Slot == b.Slot
}

// Close implements sink.Sink. A Writer closes its connection.
func (s *Sink) Close() error { return nil }

// Writer takes commits for the worker. See sink.Writer.
type Writer struct {
	worker   *worker
	assembly assembly
	cancel   context.CancelFunc
	done     chan struct{} // closed when the worker has ended
	err      error         // why; set before done is closed
}

func newWriter(k *worker) *Writer {
	ctx, cancel := context.WithCancel(context.Background())
	w := &Writer{worker: k, assembly: assembly{options: &k.options}, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		if w.err = k.run(ctx); w.err != nil {
			k.lane.Failed(w.err)
		}
	}()
	return w
}

// Write implements sink.Writer.
func (w *Writer) Write(ctx context.Context, batches []sink.Batch) error {
	for i := range batches {
		commits, rejected := w.assembly.add(&batches[i])
		if len(commits) > 0 {
			if err := w.put(ctx, commits); err != nil {
				return err
			}
		}
		if rejected != nil {
			return rejected
		}
	}
	return nil
}

// put adds commits to the queue, unless the worker has failed.
func (w *Writer) put(ctx context.Context, commits []*commit) error {
	err := w.worker.queue.put(ctx, commits, w.done)
	select {
	case <-w.done:
		if w.err != nil {
			return w.err
		}
	default:
	}
	return err
}

// Close implements sink.Writer.
func (w *Writer) Close() error {
	w.cancel()
	<-w.done
	return nil
}

var errStopped = errors.New("the sink has stopped")
