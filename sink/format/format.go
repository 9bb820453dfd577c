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
	Line        = "line" // json for a place without keys and nulls: one object an event
)

// Options is what a sink's settings say about its format.
type Options struct {
	Pipeline        string // stands in ids and in ce_source
	NumericAsNumber bool   // numeric values as JSON numbers, else as strings
	Tombstones      bool   // a null value behind a delete; formats json and cloudevents
}

// Record is an event as a sink writes it. Its bytes are parts of the Buffer's, and good until that is reset.
type Record struct {
	Key       []byte // nil: null
	Value     []byte // nil only for a tombstone
	Headers   []transform.Header
	Tombstone bool // the value is null
}

// Buffer collects records. The zero Buffer is ready to use. It may grow while earlier records are in use: they stay
// good. Everything in it is its own: nothing refers to the event's memory.
type Buffer struct {
	Records []Record
	Bytes   []byte             // what the records refer to; its length is their size
	Headers []transform.Header // as well
}

// Reset empties b and keeps its memory: all its records are void.
func (b *Buffer) Reset() {
	b.Records, b.Bytes, b.Headers = b.Records[:0], b.Bytes[:0], b.Headers[:0]
}

// Encoder turns events into records, on one goroutine at a time. It keeps what it has prepared for each shape of a table, so a
// sink's Writer keeps its Encoder.
type Encoder interface {
	// Prepare makes the encoder ready for events of t, which is one shape of a table. The Writer calls it before an event
	// whose Table is not that of the event before it. The first call for a shape may wait, for example for a schema registry,
	// until ctx ends; later ones cost a look into a map. An error says nothing about the event: the Writer may try again.
	Prepare(ctx context.Context, t *capture.Table) error

	// Append adds to b the records of one event: one, or two where a tombstone follows. An error rejects the event and
	// leaves b as it was; it is one of ErrKey, ErrShape and ErrNotPrepared, wrapped. It waits for nothing.
	Append(b *Buffer, ev *transform.Event) error
}
