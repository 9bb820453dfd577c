package format

import (
	"time"

	"github.com/tailrace/tailrace/capture"
)

// LSN is the commit's place, or the snapshot's consistent point.
func LSN(c *capture.Change) capture.LSN {
	if c.Op == capture.Read {
		return c.Tx.Snapshot()
	}
	return c.Tx.LSN
}

// AppendTime appends RFC 3339 in UTC with microseconds, all six digits.
func AppendTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
}
