package transform

import "github.com/tailrace/tailrace/capture"

// Event is what a sink publishes for a change. Fields that no block has set are zero; without a payload, the sink's format
// encodes the change itself.
//
// Byte slices of an Event may refer to the memory of the change's batch. They are valid until the Write that got the event
// returns.
type Event struct {
	Change *capture.Change
	Suffix string // makes the id unique when a change becomes several events: "", "del", "ins", an event's name
	ID     []byte // the event's id, if a block has set it; nil: the position of its change in the log, with the Suffix
	Type   string // the event's name; "" for a plain change
	Topic  string // "" for the sink's own topic
	Key    []byte // the text of the key, if a block has set it
	HasKey bool   // Key is set by a block: a nil Key is then a null key
	// Partition is 1 + the number of the partition that a block has set; 0: the key determines it.
	Partition int32
	Headers   []Header // in order
	Data      []byte   // the payload, if a block has set it
	HasData   bool     // Data is set by a block: a nil Data is then a tombstone
	Opaque    bool     // Data is what the application has written, byte for byte; it may be something else than JSON
}

// Header is one header of an event.
type Header struct {
	Name  string
	Value []byte // nil: null
}
