package capture

import (
	"context"
	"time"
)

// The optional abilities of a Source and of a Stream are the interfaces of this file. A pipeline asks for each by a type assertion.

// HealthReporter is a Source that reports its Health. Any goroutine may call it, and it does not block.
type HealthReporter interface{ Health() Health }

// WALEnd is a Source that can read the current end of its server's write-ahead log: every commit that has returned to its client lies
// before it. `tailrace wait` needs it.
type WALEnd interface {
	WALEnd(ctx context.Context) (LSN, error)
}

// Copier is a Stream that can copy all rows while it runs, for a sink that joins the lane later.
type Copier interface {
	// Copy opens a copy of all rows. Its point is at or after whatever was confirmed before the call. It may take hours:
	// every running transaction has to end first; waits is called with that problem. n distinguishes copies that are open
	// at the same time. Any goroutine may call Copy after Resume; ctx is for the copy's whole life.
	Copy(ctx context.Context, n int, waits func(*Problem)) (Copy, error)
	// Tables returns the tables whose rows a copy has: their names and OIDs, without columns.
	Tables() []*Table
}

// StateKeeper is a Stream whose state may change after it has returned a batch, such as when Compare finds in a sink's record that an
// operator has accepted a warning. A batch that was read before must not replace that record's state by an older one.
type StateKeeper interface {
	// CurrentState returns what is recorded with a batch, from its State, which is not changed; nil: the previous state stays. It
	// is called for each sink and each Write, after Compare has got the sink's record. Any goroutine may call it.
	CurrentState(state []byte) []byte
}

// Copy is all rows as of one point. One goroutine uses it.
type Copy interface {
	// Point returns where the lane continues after the copy: what was committed before it is in the copy, what was
	// committed after it is not.
	Point() LSN
	// Next waits for the next batch, which belongs to the caller as that of a Stream does. The batches are one virtual
	// transaction, see Position; the one with Commit is the last, ends at Point, and has the state of a complete record.
	Next(ctx context.Context) (Batch, error)
	// Close ends the copy, finished or not.
	Close()
}

// ActiveWarning is a problem that does not stop a stream, and when it began.
type ActiveWarning struct {
	*Problem
	Since time.Time
}

// Health is what a source's server reports about this pipeline. All sizes are in bytes; a negative one is unknown.
type Health struct {
	Connected bool
	Standby   bool    // another daemon holds the slot
	Slot      string  // the slot's state: active, inactive, lost, ...
	End       LSN     // of the server's WAL, as far as known
	Confirmed LSN     // the position that the slot has confirmed
	Retained  int64   // WAL that the slot keeps
	Safe      int64   // WAL that may still be written before the slot is lost
	Rate      float64 // bytes of WAL per second that the server writes; 0: unknown
	Copying   bool    // the snapshot is being made
	Estimated int64   // rows that the snapshot was estimated to have
	Copied    int64   // rows that it has read
	Stalls    uint64  // how often a connection stalled, since the process started: tailrace_source_stalls_total
	// AnnotationsIgnored is how many messages could not annotate their transaction: tailrace_annotations_ignored_total.
	AnnotationsIgnored uint64
	// Waiting is why the server sends no changes although the stream runs, a state that ends without intervention; nil: it
	// sends them.
	Waiting      *Problem
	WaitingSince time.Time
	// Warnings are problems that do not stop the stream and should be solved, the most urgent first; nil: there are none.
	Warnings []ActiveWarning
	// Unpublished is how many tables the file selects that the source does not publish; negative: unknown.
	Unpublished int
}
