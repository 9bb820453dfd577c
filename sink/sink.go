package sink

import (
	"context"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// Sink is one configured target. Its pipeline and its name are known to it. Its methods are called by one goroutine at a
// time.
type Sink interface {
	// Open opens the sink for a lane and returns a Writer and the lane's progress. It fences (I8): once it has returned, no Writer
	// of an earlier Open, in this or another process, makes anything durable. It may be called again after the Writer was closed.
	// The ctx is for the call only.
	Open(ctx context.Context, lane Lane) (Writer, Progress, error)
	// Close closes the connections. No Writer is open when it is called.
	Close() error
}

// Lane is what a sink is opened for.
type Lane struct {
	Name   string         // "main" for a source with a single lane
	Origin capture.Origin // recorded with every position
	// Start is where the stream begins: at or before the first change that is written.
	Start capture.Position
	// The Writer calls OnDurable with growing positions, each only when any later Open would return at least that: the data and the
	// progress record are durable, for an empty batch too. OnDurable never blocks; any goroutine may call it, also within Write, but
	// not after Close has returned.
	OnDurable func(capture.Position)
	// A Writer whose Progress has AcksLate calls OnApplied with growing positions, each when readers of the target see everything up to
	// it. It is called as OnDurable is. The lag, the delivery time and `tailrace wait` of such a sink follow it.
	OnApplied func(capture.Position)
	// The Writer calls Failed once when it has failed, with the error that its next Write would return, and never after Close has
	// returned. The lane then closes the Writer and opens the sink again.
	Failed func(error)
	// The Writer calls Diverted, within Write, for each event that it puts into a dead letter queue. It may be nil.
	Diverted func(Diverted)
}

// Writer takes a lane's events in order.
type Writer interface {
	// Write accepts batches. It may return before they are durable, and blocks while too much is in
	// flight. After it has returned it keeps no reference to the batches' memory. An error is final; the comment at the end of
	// errors.go lists how the lane handles each kind. One goroutine calls it.
	Write(ctx context.Context, batches []Batch) error
	// Close closes the writer and waits until no OnDurable is called any more. What is not durable yet may be lost: the lane writes it
	// again after the next Open. For a regular end the lane waits for OnDurable before.
	Close() error
}

// Batch is a run of events between two positions.
type Batch struct {
	Events       []transform.Event
	End          capture.Position // the position after the batch
	Commit       bool             // End is between transactions
	State        []byte           // recorded with End unless nil; then the previous one stays
	Last         capture.Commit   // the last transaction that ends in it, recorded with End; zero: the previous one stays
	EndsSnapshot bool             // it ends a first copy: rows that the target has besides the copied ones no longer exist in the source
	// Tables are all tables of a copy of all rows, those without rows too: a sink with tables of its own creates them, others
	// ignore it. Only the first batch of a copy has them, and it may have no events.
	Tables []*capture.Table
}

// RecordState is what Open has found of a record.
type RecordState uint8

// What Open can find.
const (
	// RecordFound: there is a record.
	RecordFound RecordState = iota
	// RecordNone: the sink keeps records and has none for the lane.
	RecordNone
	// RecordExpired: RecordNone, but the target deletes old records by itself. There may have been one.
	RecordExpired
	// RecordMissing: the sink is known to have had one, and has none. The lane halts.
	RecordMissing
	// RecordUnsupported: the sink cannot keep records and begins at the slot's confirmed position.
	RecordUnsupported
)

// Progress is a sink's progress in a lane: one record per (pipeline, sink, lane).
type Progress struct {
	Record   RecordState
	Position capture.Position // everything up to it is durable; zero unless RecordFound
	Origin   capture.Origin   // where the position comes from
	Commit   capture.Commit   // the last one that is durable; zero: the record has none
	State    []byte           // the source's, from the last Batch.State
	Verdict  *Verdict         // lasts until it is accepted or disproved; nil: none
	// AcksLate reports whether the Writer by design calls OnDurable long after Write, and OnApplied before. Then a Write that returns
	// shows that the target works again after an error; otherwise OnDurable shows it.
	AcksLate bool
}

// Verdict is the decision that changes are missing between a sink and its source. It is kept in the sink's record, where every
// daemon that opens the sink finds it.
type Verdict struct {
	State  string    `json:"state"`  // the name of a named state
	Reason string    `json:"reason"` // as of the time when it was found
	Since  time.Time `json:"since"`  // in UTC
	// Confirmed is up to where the source's slot was confirmed when the sink was found to be ahead of the source. What the lane's
	// sinks have beyond that may be missing in a source that was restored. Zero: not known.
	Confirmed capture.LSN `json:"confirmed,omitempty"`
	// Next is another verdict on the same sink; nil: there is none. Each is accepted by itself.
	Next *Verdict `json:"next,omitempty"`
}

// Find returns the verdict with a state in the list that v begins; nil: there is none.
func (v *Verdict) Find(state string) *Verdict {
	for v != nil && v.State != state {
		v = v.Next
	}
	return v
}
