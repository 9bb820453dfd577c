package sink

import (
	"context"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// Sink is one configured target. Its pipeline and its name are known to it. Its methods are called by one goroutine at a
// time.
type Sink interface {
	// Open takes the lane over and returns its Writer and what the sink holds of it. It fences (I8): once it has
	// returned, no Writer of an earlier Open, here or in another process, makes anything durable. It may be called again
	// after the Writer was closed. The ctx is for the call only.
	Open(ctx context.Context, lane Lane) (Writer, Progress, error)
	// Close gives up connections. No Writer is open then.
	Close() error
}

// Lane is what a sink is opened for.
type Lane struct {
	Name   string         // "main" for a source with a single lane
	Origin capture.Origin // recorded with every position
	// Held is to be called with growing positions, each only when any later Open would return at least that: the data
	// and the progress record durable, for an empty batch too. It never blocks and may be called by any goroutine, also
	// within Write, but not after Close has returned.
	Held func(capture.Position)
	// Failed is to be called once when the Writer can do nothing more, with the error that its next Write would return;
	// never after Close has returned. The lane then closes the Writer and opens the sink again.
	Failed func(error)
}

// Writer takes a lane's events in order.
type Writer interface {
	// Write accepts batches: step 9 of the way of one row. It may return before they are durable, and blocks when too
	// much is on its way. When it has returned it keeps nothing of the batches' memory. An error is final; see Retry,
	// Fenced and Rejected for what the lane makes of it. Called by one goroutine.
	Write(ctx context.Context, batches []Batch) error
	// Close gives the writer up and waits until no Held is called any more. What is not held yet may be lost: the lane
	// writes it again after the next Open. To end in good order the lane waits for Held first.
	Close() error
}

// Batch is a run of events between two positions.
type Batch struct {
	Events []transform.Event
	End    capture.Position // holding the batch means holding this
	Commit bool             // End stands between transactions
	State  []byte           // to be recorded with End when not nil; else the last one stays
	Copied bool             // it ends a first copy: what a target has of the source's rows beside those that came is gone there
}

// Memory is what a sink knows of a lane.
type Memory uint8

// What Open can find.
const (
	// Found: a record.
	Found Memory = iota
	// Empty: the sink keeps records and has none for the lane.
	Empty
	// Lost: the sink had one for certain, and has none. The lane halts.
	Lost
	// Forgetful: the sink can keep none and takes the slot's confirmed position.
	Forgetful
)

// Progress is what a sink holds of a lane: one record a (pipeline, sink, lane).
type Progress struct {
	Memory   Memory
	Position capture.Position // everything up to it is durable; zero unless Found
	Origin   capture.Origin   // where the position comes from
	State    []byte           // the source's, as the last Batch.State said
	// Late says that the Writer calls Held long after Write, by design. Then that Write has returned is what shows that the
	// target takes events again after it was in trouble; else it is Held.
	Late bool
}
