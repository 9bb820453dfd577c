package sink

import (
	"context"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// The optional abilities of a Sink and of a Writer are the interfaces of this file. A pipeline asks for each by a type assertion.

// Recorder is a Writer of a sink that keeps records. A sink whose Open returns RecordUnsupported does not need it.
type Recorder interface {
	// Record replaces the position, the origin, the last commit and the verdict in the record by those of p, and the source's
	// state unless that is nil. It returns when the record is durable. It is fenced as Write is, and the goroutine that calls
	// Write calls it, before the first Write or when everything written is durable. Later Writes continue from p.Position, which
	// may lie before what Open returned. A Writer keeps the verdict and the origin of a record that has a verdict.
	Record(ctx context.Context, p Progress) error
}

// Reader is a Sink that keeps records.
type Reader interface {
	// Read returns what Open would find for a lane of the source that from names. It fences no Writer: one that is open
	// continues.
	Read(ctx context.Context, lane string, from capture.Origin) (Progress, error)
}

// SourceUser is a Sink that asks the source of its pipeline, such as for what other sessions see of it.
type SourceUser interface {
	// UseSource is called once, before the first Open.
	UseSource(s capture.Source)
}

// HealthReporter is a Sink that reports its Health while it works. Any goroutine may call it, and it does not block.
type HealthReporter interface{ Health() Health }

// Health is the state of a target.
type Health struct {
	// Warning is a problem that does not stop the sink and should be solved; nil: there is none.
	Warning *capture.Problem
	// Blocked is why a sink that stays open writes nothing at the moment; nil: it writes. It is shown as the sink's state.
	Blocked *capture.Problem
	Since   time.Time // of Blocked, or else of the Warning
}

// UsedBefore is a Writer that can find out whether its target was used before, so that rows are not copied into it a second time
// when only its record is missing. One whose Write refuses to mix a copy's rows with others does not need it.
type UsedBefore interface {
	// UsedBefore describes what the target already has where the events of tables go, unless the sink's record shows that the
	// sink wrote it; "": nothing. It is called before the first Write. The tables have names and OIDs, and no columns.
	UsedBefore(ctx context.Context, tables []*capture.Table) (what string, err error)
}

// Transactional is a Sink that writes its record in the transaction that writes the data: the target has nothing that the record
// does not have.
type Transactional interface{ Transactional() }

// Buffered is a Sink that has bounded buffers of its own. Any goroutine may call it, and it does not block.
type Buffered interface{ Buffers() []Buffer }

// Buffer is one of them.
type Buffer struct {
	Name         string // snake_case, fixed: it is a label of a metric
	Bytes, Limit int
}
