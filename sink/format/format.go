package format

import (
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

// Encoder turns events into records. One goroutine at a time; it keeps what it compiled for each table, so it is to be
// kept as long as the sink's Writer.
type Encoder interface {
	// Append adds to b the records of one event: one, or two where a tombstone follows. An error rejects the event and
	// leaves b as it was; it is one of ErrKey and ErrShape, wrapped.
	Append(b *Buffer, ev *transform.Event) error
}
