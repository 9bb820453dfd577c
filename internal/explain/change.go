package explain

import (
	"fmt"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/eventtest/shape"
)

// Request is the change that is explained.
type Request struct {
	Table     *capture.Table
	Op        capture.Op
	Row, Old  shape.Row // nil: not given
	Unchanged []string  // columns that an update left unchanged and whose values are stored out of line
}

// change returns the change as a stream would carry it.
func (r Request) change() (c capture.Change, err error) {
	c = capture.Change{Op: r.Op, Table: r.Table, Tx: &capture.Tx{LSN: 0x1000100, XID: 1, Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}}
	given := r.Row
	if given == nil {
		given = r.Old
	}
	switch r.Op {
	case capture.Insert:
		c.After, err = shape.Insert(r.Table, given)
	case capture.Read:
		tx := *c.Tx
		tx.LSN, tx.XID = tx.LSN-1, 0 // as of a snapshot
		c.Tx = &tx
		c.After, err = shape.Insert(r.Table, given)
	case capture.Update:
		c.Before, c.After, err = shape.Update(r.Table, r.Old, r.Row, r.Unchanged)
	case capture.Delete:
		if r.Old != nil {
			given = r.Old
		}
		c.Before, err = shape.Delete(r.Table, given)
	case capture.Truncate:
	default:
		err = fmt.Errorf("a %s is no change of a row", r.Op)
	}
	return c, err
}
