package transform

import "github.com/tailrace/tailrace/capture"

// Event is a change in its domain clothes. Where no block dressed it, all fields but Change are zero and the sink's
// format says how the plain change looks.
//
// Its bytes may be slices of the change's batch: they are good until the Write that got them returns.
type Event struct {
	Change  *capture.Change
	Suffix  string   // what makes its id unique where a change becomes several: "", "del", "ins", an event's name
	Type    string   // the event's name; "" for a plain change
	Topic   string   // "" where the sink's own topic applies
	Key     []byte   // the key's text where a block gave one
	HasKey  bool     // Key is set by a block: a nil Key is then a null key
	Headers []Header // in order
	Data    []byte   // the payload where a block gave one
	HasData bool     // Data is set by a block: a nil Data is then a tombstone
}

// Header is one header of an event.
type Header struct {
	Name  string
	Value []byte // nil: null
}
