package pgoutput

import "github.com/tailrace/tailrace/capture"

// Origin marks a transaction that was replicated to this server from another one.
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
