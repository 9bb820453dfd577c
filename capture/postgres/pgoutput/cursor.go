package pgoutput

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// cursor reads the fields of a message in order. It keeps the first error: whatever is read after it is zero.
type cursor struct {
	kind Kind
	src  []byte
	off  int
	err  error
}

func read(k Kind, src []byte) cursor { return cursor{kind: k, src: src} }

func (c *cursor) left() int { return len(c.src) - c.off }

func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = &Error{Kind: c.kind, Offset: c.off, Reason: fmt.Sprintf(format, args...)}
	}
}

// take returns the next n bytes, or nil when they are not there.
func (c *cursor) take(field string, n int) []byte {
	if c.err != nil {
		return nil
	}
	if c.left() < n {
		c.err = short(c.kind, c.off, field, uint64(n), c.left())
		return nil
	}
	b := c.src[c.off : c.off+n : c.off+n]
	c.off += n
	return b
}

func (c *cursor) byte(field string) byte {
	if b := c.take(field, 1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint16(field string) uint16 {
	if b := c.take(field, 2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32(field string) uint32 {
	if b := c.take(field, 4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) lsn(field string) capture.LSN {
	if b := c.take(field, 8); b != nil {
		return capture.LSN(binary.BigEndian.Uint64(b))
	}
	return 0
}

// y2k is Postgres' epoch, 2000-01-01 00:00 UTC, in microseconds since the Unix epoch.
const y2k = 946_684_800_000_000

// time reads microseconds since y2k. For times that no clock shows the sum does not fit into 64 bits, so the parts are
// added separately.
func (c *cursor) time(field string) time.Time {
	b := c.take(field, 8)
	if b == nil {
		return time.Time{}
	}
	us := int64(binary.BigEndian.Uint64(b))
	return time.Unix(y2k/1_000_000+us/1_000_000, us%1_000_000*1_000).UTC()
}

// text reads a zero-terminated string; the result is a slice of the message, without the zero byte.
func (c *cursor) text(field string) []byte {
	if c.err != nil {
		return nil
	}
	n := bytes.IndexByte(c.src[c.off:], 0)
	if n < 0 {
		c.fail("%s has no end", field)
		return nil
	}
	b := c.src[c.off : c.off+n : c.off+n]
	c.off += n + 1
	return b
}

func (c *cursor) string(field string) string { return string(c.text(field)) }

// flags reads a byte in which no bit has a meaning yet.
func (c *cursor) flags() {
	if b := c.byte("flags"); b != 0 {
		c.off--
		c.fail("unknown flags %#x", b)
	}
}

// end returns the error of the message: the first one, or that bytes are left over.
func (c *cursor) end() error {
	if c.err == nil && c.left() > 0 {
		c.fail("%d bytes left over", c.left())
	}
	return c.err
}
