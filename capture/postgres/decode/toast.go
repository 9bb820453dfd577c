package decode

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// completeRow sets the kinds of the values of an old row that consists of the identity's columns, and fills in the values
// that the server has not sent because an update left them unchanged. The server stores large values outside of the row, as
// TOAST, and does not read those for the stream; an old row that is sent completely, with REPLICA IDENTITY FULL, carries
// them.
func (a *Assembler) completeRow(t *capture.Table) error {
	before, after := a.row.Old, a.row.New
	if before != nil && len(before) != len(t.Columns) || after != nil && len(after) != len(t.Columns) {
		return fmt.Errorf("read change: a row of %s has %d and %d values for %d columns", t, len(before), len(after), len(t.Columns))
	}
	switch a.row.OldKind {
	case pgoutput.OldKey:
		identified := false
		for i := range before {
			switch {
			case !t.Columns[i].Identity:
				before[i] = capture.Value{Kind: capture.Absent}
			case before[i].Kind == capture.Null:
				return keyNotSent(t, []string{t.Columns[i].Name})
			default:
				identified = true
			}
		}
		if !identified { // the columns of an identity are NOT NULL, so one of them is not published
			return keyNotSent(t, nil)
		}
	case pgoutput.OldRow:
		for i := range after {
			if after[i].Kind == capture.Unchanged {
				after[i] = before[i]
			}
		}
	}
	return nil
}
