package redis

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	goredis "github.com/redis/go-redis/v9"
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

	client goredis.UniversalClient // nil: not connected yet
	mu     sync.Mutex
	worker *worker // of the open Writer; nil: none
}

// New returns a sink; it contacts no server.
func New(o Options, log *zap.Logger) *Sink {
	o.Queue, o.Journal = cmp.Or(o.Queue, 4<<20), cmp.Or(o.Journal, 64<<20)
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
	w, err := s.open(ctx, lane)
	if err != nil {
		return nil, sink.Progress{}, problemOf(err)
	}
	return w, sink.Progress{Record: sink.RecordUnsupported, AcksLate: true}, nil
}

func (s *Sink) open(ctx context.Context, lane sink.Lane) (*Writer, error) {
	var err error
	if s.client == nil {
		if s.client, err = s.options.Client(); err != nil {
			return nil, err
		}
	}
	token, err := newToken()
	if err != nil {
		return nil, err
	}
	n := &node{client: s.client, library: protocol.NewLibrary(s.client)}
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
		journal: journal{limit: s.options.Journal, token: token}, sweep: newEpoch, snapshot: snapshots{s.source.Snapshots()},
	}
	w := newWriter(k)
	s.mu.Lock()
	s.worker = k
	s.mu.Unlock()
	return w, nil
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
		n.epoch, n.inherited = r.Epoch, mark.lsn
		return false, nil
	}
	n.epoch = max(protocol.NewEpoch(opened.Now), r.Epoch.Next())
	text, err := json.Marshal(record{Origin: from, Epoch: n.epoch})
	if err != nil {
		return false, err
	}
	if err := protocol.Check(n.library.Record(ctx, n.client, n.guard(opened.Watermark), string(text))); err != nil {
		return false, err
	}
	return true, protocol.Check(n.library.Repair(ctx, n.client, n.guard(opened.Watermark), opened.Watermark))
}

// sameHistory reports whether LSNs of both can be compared.
func sameHistory(a, b capture.Origin) bool {
	return a.System == b.System && a.Timeline == b.Timeline && a.Database.OID == b.Database.OID && a.Slot == b.Slot
}

// Health implements sink.HealthReporter.
func (s *Sink) Health() sink.Health {
	s.mu.Lock()
	k := s.worker
	s.mu.Unlock()
	if k == nil {
		return sink.Health{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return sink.Health{Blocked: k.blocked, Since: k.since}
}

// Close implements sink.Sink.
func (s *Sink) Close() error {
	if s.client == nil {
		return nil
	}
	return s.client.Close()
}

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
	w := &Writer{worker: k, cancel: cancel, done: make(chan struct{})}
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
		commits := w.assembly.add(&batches[i])
		if len(commits) == 0 {
			continue
		}
		if err := w.worker.queue.put(ctx, commits, w.done); err != nil {
			if errors.Is(err, errStopped) && w.err != nil {
				return w.err
			}
			return err
		}
	}
	return nil
}

// Close implements sink.Writer.
func (w *Writer) Close() error {
	w.cancel()
	<-w.done
	return nil
}

var errStopped = errors.New("the sink has stopped")
