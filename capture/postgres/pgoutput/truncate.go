package pgoutput

// Truncate is the truncation of one or more tables by one statement.
type Truncate struct {
	Relations       []uint32 // ids, in the server's order
	Cascade         bool
	RestartIdentity bool
}

// Decode reads the body of a KindTruncate. It reuses the slice of the last call.
func (m *Truncate) Decode(src []byte) error {
	const cascade, restart = 1, 2
	c := read(KindTruncate, src)
	n := c.uint32("number of relations")
	flags := c.byte("flags")
	m.Relations, m.Cascade, m.RestartIdentity = m.Relations[:0], flags&cascade != 0, flags&restart != 0
	if uint64(n)*4 > uint64(c.left()) {
		c.fail("%d relations do not fit into %d bytes", n, c.left())
	}
	for ; n > 0 && c.err == nil; n-- {
		m.Relations = append(m.Relations, c.uint32("relation id"))
	}
	return c.end()
}
