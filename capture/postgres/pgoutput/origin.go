package pgoutput

import "github.com/tailrace/tailrace/capture"

// Origin says that the transaction came here by replication from another server.
type Origin struct {
	LSN  capture.LSN // of the commit on that server
	Name string
}

// Decode reads the body of a KindOrigin.
func (m *Origin) Decode(src []byte) error {
	c := read(KindOrigin, src)
	m.LSN = c.lsn("commit LSN")
	m.Name = c.string("name")
	return c.end()
}
