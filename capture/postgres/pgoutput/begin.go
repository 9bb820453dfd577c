package pgoutput

import (
	"time"

	"github.com/tailrace/tailrace/capture"
)

// Begin opens a transaction.
type Begin struct {
	FinalLSN capture.LSN // where the commit record starts
	Time     time.Time   // of the commit, by the server's clock, in UTC
	XID      uint32
}

// Decode reads the body of a KindBegin.
func (m *Begin) Decode(src []byte) error {
	c := read(KindBegin, src)
	m.FinalLSN = c.lsn("final LSN")
	m.Time = c.time("commit time")
	m.XID = c.uint32("xid")
	return c.end()
}
