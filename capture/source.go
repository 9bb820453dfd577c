package capture

import (
	"context"
	"fmt"
	"time"
)

// Source is a database whose changes are read.
type Source interface {
	// Run connects and calls serve once for each connection, one at a time, until ctx ends; it waits between attempts
	// (backoff with jitter; 10 s after a halting *Problem; not at all after ErrRestart). The Stream is good until serve
	// returns, also when ctx has ended before, and serve returns the Stream's error when that broke. Why there is no
	// stream goes to report, in Run's goroutine and never while serve runs; what wraps ErrNotOurs makes this daemon a
	// standby. Run returns nil when ctx has ended.
	Run(ctx context.Context, report func(error), serve func(context.Context, Stream) error) error
}

// Stream is one connection to a source: one lane of ordered changes. Next is called by one goroutine; Confirm may be
// called by any; the others are called before the first Next.
type Stream interface {
	// Lane is the name under which sinks keep their progress: "main" for a source with a single lane.
	Lane() string
	// Origin is the cluster that the stream comes from.
	Origin() Origin
	// Start is where the stream begins: at or before the first change that Next can yield. A sink without a record
	// starts here.
	Start() Position
	// Slot reads how far the server regards us as confirmed, now, and that the lane is still ours, in one look. An error
	// that wraps ErrNotOurs says that it is not. It may be called at any time, by any goroutine.
	Slot(ctx context.Context) (Slot, error)
	// Compare asks the server what it knows of a Record, and changes nothing, also in the Stream: what was compared is
	// accepted only by Resume. It may be called at any time, by any goroutine.
	Compare(ctx context.Context, r Record) (Comparison, error)
	// Resume says that the records have passed the start rule, one Record per sink that keeps one, before the first Next:
	// a source that has a snapshot to make or to go on with decides here. When anew is true the stream begins with all rows, so
	// what a sink holds does not matter and every sink starts at Start. A *Problem halts the pipeline.
	Resume(ctx context.Context, records []Record) (anew bool, err error)
	// Next waits for the next batch. The batch belongs to the caller, until the caller releases it. While nobody calls it
	// the stream goes on answering the server. Its error is final.
	Next(ctx context.Context) (Batch, error)
	// Done is closed when the stream has broken, also while nobody calls Next; Err is then the reason.
	Done() <-chan struct{}
	Err() error
	// Confirm says that everything up to p is durable everywhere. It never blocks; a p that is not beyond the last one
	// is ignored (I2).
	Confirm(p Position)
}

// Copier is a Stream that can hand out all rows while it runs, for a sink that joins the lane later.
type Copier interface {
	// Copy opens a copy of all rows. Its point is at or after whatever was confirmed before the call. It may take hours: every
	// transaction that runs has to end first, and waits hears of that. n tells copies apart that are open at the same time. It
	// may be called after Resume, by any goroutine; ctx is for the copy's whole life.
	Copy(ctx context.Context, n int, waits func(*Problem)) (Copy, error)
	// Tables are those whose rows a copy has: their names and OIDs, without columns.
	Tables() []*Table
}

// Copy is all rows as of one point. One goroutine uses it.
type Copy interface {
	// Point is where the lane goes on after the copy: what was committed before it is in the copy, what was committed after it
	// is not.
	Point() LSN
	// Next waits for the next batch, which belongs to the caller as that of a Stream does. The batches are one virtual
	// transaction, see Position; the one with Commit is the last, ends at Point, and has the state of a record that is whole.
	Next(ctx context.Context) (Batch, error)
	// Close gives it up, also when it is not at its end.
	Close()
}

// Slot is the server's side of a lane.
type Slot struct {
	Confirmed LSN // a start below it is only forwarded to it: what lies between would be lost silently
	End       LSN // of the server's WAL: no sink of this cluster can hold more
	// Recovering says that the server replays what another one writes: its End lags, and may come up with a sink's.
	Recovering bool
	// New says that there is no lasting slot yet: the stream makes it, with a copy of all rows.
	New bool
}

// Record is what a sink had recorded when it was opened.
type Record struct {
	Sink     string
	Position Position // zero: the sink has no record
	State    []byte   // what the source asked to be kept; nil: nothing
	Origin   Origin   // with which it was recorded
	Commit   Commit   // the last one that the sink holds
}

// Comparison is what a source's server knows of a Record.
type Comparison struct {
	// Altered names what somebody else did to what is published since the record was written, such that changes are
	// missing in the stream; nil: nothing.
	Altered []string
	// Commit tells whether the record's last commit is in the server's history.
	Commit Knowledge
	// Unfinished says that the record was written within a copy of all rows that did not come to its end: only another copy
	// makes the sink whole. It does not count while the lane makes its slot.
	Unfinished bool
	// State is what the record's State has to be from now on; nil: it stays as it is.
	State []byte
}

// Knowledge is what a server can tell of a commit.
type Knowledge uint8

// What there is to know of a commit.
const (
	CommitUnknown Knowledge = iota // the server cannot tell
	CommitPresent                  // it is proven to be in the server's history
	CommitAbsent                   // it is proven not to be there
)

// Health is how a source's server sees us. All sizes are in bytes; a negative one is unknown.
type Health struct {
	Connected bool
	Standby   bool    // another daemon holds the slot
	Slot      string  // the slot's state: active, inactive, lost, ...
	End       LSN     // of the server's WAL, as far as known
	Confirmed LSN     // what the slot has confirmed
	Retained  int64   // WAL that the slot keeps
	Safe      int64   // WAL that may still be written before the slot is lost
	Rate      float64 // bytes of WAL a second that the server writes; 0: unknown
	Copying   bool    // the snapshot is being made
	Estimated int64   // rows that the snapshot was estimated to have
	Copied    int64   // rows that it has handed out
	Stalls    uint64  // how often a connection stalled, since the process started: tailrace_source_stalls_total
	// Waiting is why the server holds changes back although the stream runs: a state that ends by itself. nil: it does not.
	Waiting      *Problem
	WaitingSince time.Time
	// Warning is what stands in the way of nothing that is streamed and has to be changed all the same; nil: there is nothing.
	Warning      *Problem
	WarningSince time.Time
	// Unpublished is how many tables the file takes that the source does not publish; negative: unknown.
	Unpublished int
}

// Observed is a Source that tells its Health. It may be called by any goroutine and does not block.
type Observed interface{ Health() Health }

// Fixed conditions of a stream.
var (
	// ErrNotOurs: another process holds the lane. Close every writer and stand by.
	ErrNotOurs = fmt.Errorf("another process holds the slot")
	// ErrRestart: nothing is wrong, the stream is to be opened again at once.
	ErrRestart = fmt.Errorf("the stream starts again")
)
