package format

import (
	"context"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// The names of the formats, as New takes them.
const (
	JSON        = "json"
	CloudEvents = "cloudevents"
	Raw         = "raw"  // the payload that a block has set, and nothing around it
	Line        = "line" // json for an output without keys and nulls: one object per event
)

// Options has the settings of a sink for its format.
type Options struct {
	Pipeline        string // part of ids and of ce_source
	NumericAsNumber bool   // numeric values as JSON numbers, else as strings
	Tombstones      bool   // a null value after a delete; formats json and cloudevents
}

// Record is an event as a sink writes it. Its bytes belong to the Buffer, and are valid until that is reset.
type Record struct {
	Key       []byte // nil: null
	Value     []byte // nil only for a tombstone
	Headers   []transform.Header
	Tombstone bool // the value is null
}

// Buffer collects records. The zero Buffer is ready to use. Earlier records stay valid while it grows. It has copies only:
// nothing refers to the memory of an event.
type Buffer struct {
	Records []Record
	Bytes   []byte             // the bytes of the records; its length is their size
	Headers []transform.Header // of the records
}

// Reset empties b and keeps its memory: its records become invalid.
func (b *Buffer) Reset() {
	b.Records, b.Bytes, b.Headers = b.Records[:0], b.Bytes[:0], b.Headers[:0]
}

// Encoder turns events into records, on one goroutine at a time. It keeps what it has prepared for each shape of a table, so a
// sink's Writer keeps its Encoder.
type Encoder interface {
	// Prepare makes the encoder ready for events of t, which is one shape of a table. The Writer calls it before an event
	// whose Table is not that of the event before it. The first call for a shape may wait, for example for a schema registry,
	// until ctx ends; later calls cost a map lookup. An error does not reject the event: the Writer may be opened again and retry.
	Prepare(ctx context.Context, t *capture.Table) error

	// Append adds to b the records of one event: one, or two where a tombstone follows. An error rejects the event and
	// leaves b unchanged; it wraps ErrKey, ErrNoPayload, ErrShape or ErrNotPrepared. Append never waits.
	Append(b *Buffer, ev *transform.Event) error
}
