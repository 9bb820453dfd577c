package pgoutput

import "github.com/tailrace/tailrace/capture"

// Message is a message that pg_logical_emit_message wrote. Prefix and Content are slices of the message.
type Message struct {
	Transactional bool        // stands between Begin and Commit; otherwise it was sent at once, even from an aborted transaction
	LSN           capture.LSN // of the message's own record
	Prefix        []byte
	Content       []byte
}

// Decode reads the body of a KindMessage.
func (m *Message) Decode(src []byte) error {
	const transactional = 1
	c := read(KindMessage, src)
	m.Transactional = c.byte("flags")&transactional != 0
	m.LSN = c.lsn("LSN")
	m.Prefix = c.text("prefix")
	n := c.uint32("length of the content")
	if uint64(n) > uint64(c.left()) {
		c.fail("content needs %d bytes and %d are left", n, c.left())
	}
	m.Content = c.take("content", int(n))
	return c.end()
}
