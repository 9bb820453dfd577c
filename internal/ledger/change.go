package ledger

import (
	"fmt"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// Change is one change as read from a second slot.
type Change struct {
	LSN    capture.LSN // of the commit record
	Seq    uint64
	XID    uint64
	Time   time.Time // of the commit
	Op     string    // insert, update, delete
	Table  string
	Key    string // as the topic's key, of the new row; for a delete the old row
	OldKey string // if an update changed the key, else ""
	Row    map[string]Text
	Old    map[string]Text // the columns of the replica identity; nil if there are none
}

// Text is a column's value in Postgres' text form.
type Text struct {
	Kind  byte // as in pgoutput: n null, t text, u unchanged
	Value string
	Type  uint32 // OID
}

// At returns the change's position in the source.
func (c Change) At() capture.Position { return capture.Position{LSN: c.LSN, Seq: c.Seq} }

func (c Change) String() string {
	s := fmt.Sprintf("%s of %s %s", c.Op, c.Table, c.Key)
	if v, ok := c.Row["ver"]; ok {
		s += " ver " + v.Value
	}
	return fmt.Sprintf("%s (%s of the reference slot)", s, c.At())
}
