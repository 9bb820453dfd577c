package pgoutput

import (
	"time"

	"github.com/tailrace/tailrace/capture"
)

// Commit ends a transaction.
type Commit struct {
	LSN    capture.LSN // where the commit record starts
	EndLSN capture.LSN // where it ends
	Time   time.Time   // by the server's clock, in UTC
}

// Decode reads the body of a KindCommit.
func (m *Commit) Decode(src []byte) error {
	c := read(KindCommit, src)
	c.flags()
	m.LSN = c.lsn("commit LSN")
	m.EndLSN = c.lsn("end LSN")
	m.Time = c.time("commit time")
	return c.end()
}
