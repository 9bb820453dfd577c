package conn

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/tailrace/tailrace/internal/bufpool"
)

// Frames cuts the bytes from the server into messages of the wire protocol.
type Frames struct {
	conn io.Reader
	buf  []byte
	r, w int             // buf[r:w] is unread
	big  *bufpool.Buffer // of the large message that is read; nil: none is
	kind byte            // its kind
	size int             // its length
	got  int             // bytes in big, which may include the start of the next message
	Wide func()          // called when a message or the mean length shows that rows are not small; nil: not needed
	sum  int             // recent messages' mean length in bytes, times meanOf

	Restless int // the mean length above which resting saves nothing
}

const (
	frameHead = 5 // the kind and a length that includes itself
	frameBuf  = 256 << 10
	// A body larger than this is read into a buffer of its own, so that the batch can keep it without a copy.
	large = 64 << 10
	// beyond is the number of bytes of the next message that the last read of such a body may include: without it they
	// would need another read. The socket copies the result of a read for fewer bytes.
	beyond = little
	// Postgres' own limit for a message is 1 GiB less one.
	maxFrame = 1 << 30
)

// Frame is one message.
type Frame struct {
	Kind byte
	Body []byte
	Own  *bufpool.Buffer // holds Body and belongs to the caller of Next; nil: Body is valid until the next call of Next
}

// NewFrames cuts the bytes from conn into messages. One goroutine at a time may use the result.
func NewFrames(conn io.Reader) *Frames {
	return &Frames{conn: conn, buf: make([]byte, frameBuf), Restless: restless}
}

// Ready reports whether the next message has already been read, so that Next will not wait.
func (f *Frames) Ready() bool {
	have := f.w - f.r
	return have >= frameHead && have > int(binary.BigEndian.Uint32(f.buf[f.r+1:]))
}

// meanOf is the number of messages that the mean length covers: an exponential average, so older ones count a little.
const meanOf = 64

// Large reports whether recent messages are so large that resting saves nothing.
func (f *Frames) Large() bool { return f.sum > meanOf*f.Restless }

// measure adds the length of a message to the mean, and requests a wide window when rows are not small.
func (f *Frames) measure(n int) {
	f.sum += min(n, large) - f.sum/meanOf
	if f.Wide != nil && (n > LargeMessage || f.sum > meanOf*mediumMessage) {
		f.Wide()
	}
}

// Partial reports whether a part of a message has been read. The result is meaningful only while Next waits.
func (f *Frames) Partial() bool { return f.big != nil || f.w > f.r }

// Next waits for the next message. After a timeout error it can be called again.
func (f *Frames) Next() (Frame, error) {
	if f.big != nil {
		return f.rest()
	}
	for f.w-f.r < frameHead {
		if err := f.head(); err != nil {
			return Frame{}, err
		}
	}
	n := int(binary.BigEndian.Uint32(f.buf[f.r+1:])) - 4
	if n < 0 || n > maxFrame {
		return Frame{}, fmt.Errorf("read message %q: a length of %d bytes: this is not the wire protocol", f.buf[f.r], n)
	}
	f.measure(n)
	if n > large {
		f.big, f.kind, f.size = bufpool.Get(n+beyond), f.buf[f.r], n
		f.got = copy(f.big.Bytes[:n], f.buf[f.r+frameHead:f.w])
		f.r += frameHead + f.got
		return f.rest()
	}
	for f.w-f.r < frameHead+n {
		if err := f.fill(frameBuf); err != nil {
			return Frame{}, err
		}
	}
	m := Frame{Kind: f.buf[f.r], Body: f.buf[f.r+frameHead : f.r+frameHead+n]}
	f.r += frameHead + n
	return m, nil
}

// head reads once for the beginning of a message. Among large messages it reads little: most of a message is then read into
// its own buffer, and need not be copied there.
func (f *Frames) head() error {
	if f.sum > meanOf*large*3/4 {
		return f.fill(little)
	}
	return f.fill(frameBuf)
}

// fill reads once, at most most bytes, into the space after the unread bytes.
func (f *Frames) fill(most int) error {
	if f.r > 0 {
		f.w = copy(f.buf, f.buf[f.r:f.w])
		f.r = 0
	}
	n, err := f.conn.Read(f.buf[f.w:min(f.w+most, len(f.buf))])
	f.w += n
	if n > 0 {
		return nil
	}
	return err
}

// rest reads the missing part of a large message. As long as bytes are missing, buf has no unread bytes.
func (f *Frames) rest() (Frame, error) {
	room := f.big.Bytes[:f.size+beyond]
	for f.got < f.size {
		n, err := f.conn.Read(room[f.got:])
		if f.got += n; n == 0 && err != nil {
			return Frame{}, err
		}
	}
	if f.got > f.size {
		f.r, f.w = 0, copy(f.buf, room[f.size:f.got])
	}
	own := f.big
	own.Bytes = room[:f.size]
	f.big = nil
	return Frame{Kind: f.kind, Body: own.Bytes, Own: own}, nil
}
