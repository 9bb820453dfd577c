package capture

import (
	"context"
	"fmt"
)

// Source is a database whose changes are read.
type Source interface {
	// Run connects and calls serve once for each connection, one at a time, until ctx ends; it waits between attempts
	// (backoff with jitter; 10 s after a halting *Problem; not at all after ErrRestart). The Stream is valid until serve
	// returns, also when ctx has ended before, and serve returns the Stream's error when that broke. Run calls report with the
	// reason why there is no stream, in its own goroutine and never while serve runs; an error that wraps ErrSlotInUse makes this
	// daemon a standby. Run returns nil when ctx has ended.
	Run(ctx context.Context, report func(error), serve func(context.Context, Stream) error) error
}

// Stream is one connection to a source: one lane of ordered changes. One goroutine calls Next, and Resume before the first Next.
// Any goroutine may call the other methods at any time.
type Stream interface {
	// Lane returns the name under which sinks keep their progress: "main" for a source with a single lane.
	Lane() string
	// Origin returns the cluster that the stream comes from.
	Origin() Origin
	// Start returns where the stream begins: at or before the first change that Next can return. A sink without a record
	// starts here.
	Start() Position
	// Slot reads, at one point in time, up to where the server regards the lane as confirmed, and checks that the lane is
	// still ours. If it is not, the error wraps ErrSlotInUse.
	Slot(ctx context.Context) (Slot, error)
	// Compare asks the server what it knows about a Record. It changes nothing, not even in the Stream: only Resume accepts
	// what was compared.
	Compare(ctx context.Context, r Record) (Comparison, error)
	// Resume is called with the records that have passed the start rule, one per sink that keeps one: a source that has a
	// snapshot to make or to continue decides here. When fromSnapshot is true the stream begins with all rows, so earlier
	// progress does not count and every sink starts at Start. A *Problem halts the pipeline.
	Resume(ctx context.Context, records []Record) (fromSnapshot bool, err error)
	// Next waits for the next batch. The batch belongs to the caller, until the caller releases it. Between the calls the stream
	// continues to answer the server. Its error is final.
	Next(ctx context.Context) (Batch, error)
	// Done is closed when the stream has broken, also between calls of Next; Err is then the reason.
	Done() <-chan struct{}
	Err() error
	// Confirm reports to the source that everything up to p is durable in every sink. It never blocks; a p that is not beyond the
	// last one is ignored (I2).
	Confirm(p Position)
}

// Slot is the server's side of a lane.
type Slot struct {
	Confirmed LSN // a start below it is only forwarded to it: the changes in between would be lost silently
	End       LSN // of the server's WAL: no sink of this cluster can have more
	// Recovering reports whether the server is a standby, which replays the WAL of another one: its End lags, and may still reach
	// a sink's position.
	Recovering bool
	// New reports whether there is no permanent slot yet: the stream creates it, with a copy of all rows.
	New bool
}

// Record is the progress record of a sink when it was opened.
type Record struct {
	Sink     string
	Position Position // zero: the sink has no record
	State    []byte   // what the source wants recorded; nil: nothing
	Origin   Origin   // of the source at the time of the record
	Commit   Commit   // the last one that is durable in the sink
}

// Comparison is what a source's server knows about a Record.
type Comparison struct {
	// Altered describes how another session changed what is published since the record was written, such that changes are
	// missing in the stream; nil: nothing.
	Altered []string
	// Commit is whether the record's last commit is in the server's history.
	Commit Knowledge
	// Unfinished reports whether the record was written within a copy of all rows that has not ended: only another copy makes the
	// sink complete. It does not count while the lane creates its slot.
	Unfinished bool
	// State is what the record's State has to be from now on; nil: it stays as it is.
	State []byte
}

// Knowledge is what a server knows about a commit.
type Knowledge uint8

// What a server can know about a commit.
const (
	CommitUnknown Knowledge = iota // the server does not know
	CommitPresent                  // it is proven to be in the server's history
	CommitAbsent                   // it is proven not to be there
)

// The conditions of a stream that a pipeline handles by itself.
var (
	// ErrSlotInUse: another process has the slot. Close every writer and stand by.
	ErrSlotInUse = fmt.Errorf("another process holds the slot")
	// ErrRestart: not a failure; open the stream again immediately.
	ErrRestart = fmt.Errorf("the stream starts again")
)
