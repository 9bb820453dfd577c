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
	Last   capture.Commit   // the last transaction that ends in it, recorded with End; zero: the last one stays
	Copied bool             // it ends a first copy: what a target has of the source's rows beside those that came is gone there
	// Tables are all tables of a copy of all rows, those without rows too: a sink with tables of its own makes them, others have
	// no use for it. Only the first batch of a copy has them, which may have no events.
	Tables []*capture.Table
}

// Memory is what a sink knows of a lane.
type Memory uint8

// What Open can find.
const (
	// Found: a record.
	Found Memory = iota
	// Empty: the sink keeps records and has none for the lane.
	Empty
	// Expired: Empty, but the target has deleted old records by itself. There may have been one.
	Expired
	// Lost: the sink had one for certain, and has none. The lane halts.
	Lost
	// Forgetful: the sink can keep none and takes the slot's confirmed position.
	Forgetful
)

// Progress is what a sink holds of a lane: one record per (pipeline, sink, lane).
type Progress struct {
	Memory   Memory
	Position capture.Position // everything up to it is durable; zero unless Found
	Origin   capture.Origin   // where the position comes from
	Commit   capture.Commit   // the last one that is held; zero: none that the record knows of
	State    []byte           // the source's, as the last Batch.State said
	Verdict  *Verdict         // stands until it is accepted or disproved; nil: none
	// Late says that the Writer calls Held long after Write, by design. Then that Write has returned is what shows that the
	// target takes events again after it was in trouble; else it is Held.
	Late bool
}

// Verdict is the judgement that changes are missing between a sink and its source. It is kept in the sink's record, so that
// every daemon that opens the sink finds it.
type Verdict struct {
	State  string    `json:"state"`  // the name of a named state
	Reason string    `json:"reason"` // as it was told first
	Since  time.Time `json:"since"`  // in UTC
	// Confirmed is how far the source's slot was confirmed when the sink was found to be ahead of the source. What the lane's
	// sinks hold beyond that may be missing in a source that was restored. Zero: not known.
	Confirmed capture.LSN `json:"confirmed,omitempty"`
	// Next is another one that stands besides; nil: there is none. Each is accepted by itself.
	Next *Verdict `json:"next,omitempty"`
}

// Find returns the verdict with a state in the list that v begins; nil: there is none.
func (v *Verdict) Find(state string) *Verdict {
	for ; v != nil && v.State != state; v = v.Next {
	}
	return v
}

// Recorder is a Writer of a sink that keeps records. A sink whose Open returns Forgetful has no use for it.
type Recorder interface {
	// Record writes the position, the origin, the last commit and the verdict of p in the place of what the record says, and
	// returns when that is durable; the source's state too, unless that is nil. It is fenced as Write is, and called by the
	// goroutine that calls that, before the first Write or when everything that was written is held. What is written later goes
	// on from p.Position, which may lie before what Open returned. A Writer keeps the verdict and the origin of a record
	// that has a verdict.
	Record(ctx context.Context, p Progress) error
}

// Reader is a Sink that keeps records.
type Reader interface {
	// Read returns what Open would find for a lane of the source that from names, and takes nothing over: a Writer that is
	// open goes on.
	Read(ctx context.Context, lane string, from capture.Origin) (Progress, error)
}

// HealthReporter is a Sink that has something to say while it works. Health may be called by any goroutine and does not block.
type HealthReporter interface{ Health() Health }

// Health is the state of a target.
type Health struct {
	// Warning is what stands in the way of nothing now and should be changed all the same; nil: there is nothing.
	Warning *capture.Problem
	Since   time.Time // of the Warning
}

// UsedBefore is a Writer that can tell whether its target was used before, so that rows are not copied into it a second time for
// want of a record alone. One whose Write refuses to mix a copy's rows with others has no use for it.
type UsedBefore interface {
	// UsedBefore names what the target has already where the events of tables go, unless the sink's record tells that it came
	// from the sink; "": nothing. It is called before the first Write. A table's names and OID count, it has no columns.
	UsedBefore(ctx context.Context, tables []*capture.Table) (what string, err error)
}

// Transactional is a Sink that writes its record in the transaction that writes the data: what the record does not have is not
// in the target.
type Transactional interface{ Transactional() }
