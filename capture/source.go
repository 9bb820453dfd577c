package capture

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
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
	// Resume hands the source what the sinks recorded, one Record a sink, before the first Next: a source that has a
	// snapshot to make or to go on with decides here. With anew the stream begins with all rows, so what a sink holds
	// does not matter and every sink starts at Start. A *Problem halts the pipeline.
	Resume(ctx context.Context, records []Record) (anew bool, err error)
	// Next waits for the next batch. The batch belongs to the caller, for good. While nobody calls it the stream goes
	// on answering the server. Its error is final.
	Next(ctx context.Context) (Batch, error)
	// Done is closed when the stream has broken, also while nobody calls Next; Err is then the reason.
	Done() <-chan struct{}
	Err() error
	// Confirm says that everything up to p is durable everywhere. It never blocks; a p that is not beyond the last one
	// is ignored (I2).
	Confirm(p Position)
}

// Slot is the server's side of a lane.
type Slot struct {
	Confirmed LSN // a start below it is only forwarded to it: what lies between would be lost silently
	End       LSN // of the server's WAL: no sink of this cluster can hold more
	// Recovering says that the server replays what another one writes: its End lags, and may come up with a sink's.
	Recovering bool
}

// Record is what a sink had recorded when it was opened.
type Record struct {
	Sink     string
	Position Position // zero: the sink has no record
	State    []byte   // what the source asked to be kept; nil: nothing
	// Publication is that of the Origin with which it was recorded; "": not known.
	Publication string
}

// Origin names a cluster and the timelines it has been on.
type Origin struct {
	System      uint64     `json:"system"`            // Postgres' system identifier
	Timeline    uint32     `json:"timeline"`          // the current one
	History     []Timeline `json:"history,omitempty"` // older ones, oldest first
	Publication string     `json:"publication"`       // what is published, in words that only the source reads
}

// Timeline is one that has ended.
type Timeline struct {
	ID  uint32 `json:"id"`
	End LSN    `json:"end"` // where the next one began
}

// At is the timeline that an LSN belongs to.
func (o Origin) At(l LSN) uint32 {
	for _, t := range o.History {
		if l < t.End {
			return t.ID
		}
	}
	return o.Timeline
}

// Epoch stands for the cluster and the timeline of l in ids, as 8 hex digits: CRC-32 of both, so that two timelines of
// one cluster never share it.
func (o Origin) Epoch(l LSN) uint32 {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 12), o.System)
	return crc32.ChecksumIEEE(binary.BigEndian.AppendUint32(b, o.At(l)))
}

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
