package postgres

import (
	"encoding/binary"
	"fmt"
	"io"
)

// frames cuts what the server sends into messages of the wire protocol.
type frames struct {
	conn io.Reader
	buf  []byte
	r, w int // buf[r:w] is unread
	big  frame
	got  int // bytes of big.body that have come
}

const (
	frameHead = 5 // the kind and a length that counts itself
	frameBuf  = 256 << 10
	// A body larger than this gets memory of its own, so that the batch can keep it without a copy.
	large = 64 << 10
	// Postgres' own limit for a message is 1 GiB less one.
	maxFrame = 1 << 30
)

// frame is one message. Unless own, body is good until the next call of next only.
type frame struct {
	kind byte
	body []byte
	own  bool
}

func newFrames(conn io.Reader) *frames { return &frames{conn: conn, buf: make([]byte, frameBuf)} }

// ready says whether the next message is here already, so that next will not wait.
func (f *frames) ready() bool {
	have := f.w - f.r
	return have >= frameHead && have > int(binary.BigEndian.Uint32(f.buf[f.r+1:]))
}

// next waits for the next message. After an error that is a timeout it can be called again.
func (f *frames) next() (frame, error) {
	if f.big.body != nil {
		return f.rest()
	}
	for f.w-f.r < frameHead {
		if err := f.fill(); err != nil {
			return frame{}, err
		}
	}
	n := int(binary.BigEndian.Uint32(f.buf[f.r+1:])) - 4
	if n < 0 || n > maxFrame {
		return frame{}, fmt.Errorf("read message %q: a length of %d bytes: this is not the wire protocol", f.buf[f.r], n)
	}
	if n > large {
		f.big = frame{kind: f.buf[f.r], body: make([]byte, n), own: true}
		f.got = copy(f.big.body, f.buf[f.r+frameHead:f.w])
		f.r += frameHead + f.got
		return f.rest()
	}
	for f.w-f.r < frameHead+n {
		if err := f.fill(); err != nil {
			return frame{}, err
		}
	}
	m := frame{kind: f.buf[f.r], body: f.buf[f.r+frameHead : f.r+frameHead+n]}
	f.r += frameHead + n
	return m, nil
}

// fill reads once, into the room behind what is unread.
func (f *frames) fill() error {
	if f.r > 0 {
		f.w = copy(f.buf, f.buf[f.r:f.w])
		f.r = 0
	}
	n, err := f.conn.Read(f.buf[f.w:])
	f.w += n
	if n > 0 {
		return nil
	}
	return err
}

// rest reads what a large message lacks.
func (f *frames) rest() (frame, error) {
	for f.got < len(f.big.body) {
		n, err := f.conn.Read(f.big.body[f.got:])
		if f.got += n; n == 0 && err != nil {
			return frame{}, err
		}
	}
	m := f.big
	f.big = frame{}
	return m, nil
}
