package format

import (
	"time"

	"github.com/tailrace/tailrace/capture"
)

// LSN returns the LSN of a change's commit, or the consistent point of its snapshot.
func LSN(c *capture.Change) capture.LSN {
	if c.Op == capture.Read {
		return c.Tx.Snapshot()
	}
	return c.Tx.LSN
}

// AppendTime appends t as RFC 3339 in UTC with all six digits of the microseconds.
func AppendTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
}
