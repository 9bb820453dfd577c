package conn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// message is one message of the wire protocol.
func message(kind byte, body string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4)), body...)
}

// pieces is a connection that gives each element in reads of its own; an empty one is a deadline that has passed.
type pieces [][]byte

func (p *pieces) Read(b []byte) (int, error) {
	if len(*p) == 0 {
		return 0, io.EOF
	}
	head := (*p)[0]
	if len(head) == 0 {
		*p = (*p)[1:]
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, head)
	if (*p)[0] = head[n:]; n == len(head) {
		*p = (*p)[1:]
	}
	return n, nil
}

// all reads every message; a timeout is tried again, as the stream does.
func all(t *testing.T, f *Frames) (got []Frame, timeouts int) {
	t.Helper()
	for {
		m, err := f.Next()
		switch {
		case err == nil:
			m.Body = bytes.Clone(m.Body) // good until the next call only
			got = append(got, m)
		case errors.Is(err, os.ErrDeadlineExceeded):
			timeouts++
		case errors.Is(err, io.EOF):
			return got, timeouts
		default:
			t.Fatal(err)
		}
	}
}

// However the bytes are split, and wherever a deadline passes in between, the messages are the same.
func TestFramesTornAnywhere(t *testing.T) {
	bodies := []string{"", "x", strings.Repeat("small", 100), strings.Repeat("L", large+1), "", "after", strings.Repeat("e", large)}
	var wire []byte
	for i, b := range bodies {
		wire = append(wire, message('a'+byte(i), b)...)
	}
	cuts := []int{
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 500, 520, 521, 522, 523, 524, 525, 526, 600, large, large + 526, large + 527,
		large + 531, large + 532, large + 540, len(wire) - 1,
	}
	for _, at := range cuts {
		conn := pieces{bytes.Clone(wire[:at]), {}, bytes.Clone(wire[at:])}
		got, timeouts := all(t, NewFrames(&conn))
		if timeouts != 1 {
			t.Errorf("cut at %d: %d timeouts", at, timeouts)
		}
		same(t, got, bodies)
	}
	for _, size := range []int{1, 3, 4096} { // and with a deadline after each piece
		var conn pieces
		for rest := wire; len(rest) > 0; {
			n := min(size, len(rest))
			conn = append(conn, rest[:n], nil)
			rest = rest[n:]
		}
		got, _ := all(t, NewFrames(&conn))
		same(t, got, bodies)
	}
}

func same(t *testing.T, got []Frame, bodies []string) {
	t.Helper()
	if len(got) != len(bodies) {
		t.Fatalf("%d messages, want %d", len(got), len(bodies))
	}
	for i, m := range got {
		if m.Kind != 'a'+byte(i) || string(m.Body) != bodies[i] {
			t.Errorf("message %d is %q with %d bytes, want %d", i, m.Kind, len(m.Body), len(bodies[i]))
		}
		if own := m.Own != nil; own != (len(bodies[i]) > large) {
			t.Errorf("message %d of %d bytes: a buffer of its own is %v", i, len(bodies[i]), own)
		}
	}
}

// Next never touches a message again that it returned as owned; and the bytes after a large message are not lost.
func TestFramesLargeOwnsItsMemory(t *testing.T) {
	big := strings.Repeat("0123456789", large/5)
	conn := pieces{append(append(message('b', big), message('s', "small")...), message('b', strings.ToUpper(strings.Repeat("z", large+1)))...)}
	f := NewFrames(&conn)
	first, err := f.Next()
	if err != nil || first.Own == nil {
		t.Fatalf("%v, own %v", err, first.Own)
	}
	for range 2 {
		if _, err := f.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if string(first.Body) != big {
		t.Error("a later message has overwritten the first")
	}
}

func TestFramesReady(t *testing.T) {
	wire := append(message('a', "one"), message('b', "two")...)
	conn := pieces{wire[:len(wire)-1], wire[len(wire)-1:]}
	f := NewFrames(&conn)
	if f.Ready() {
		t.Error("ready before anything has come")
	}
	if _, err := f.Next(); err != nil {
		t.Fatal(err)
	}
	if f.Ready() {
		t.Error("ready without the last byte")
	}
	if err := f.head(); err != nil || !f.Ready() {
		t.Errorf("not ready with all bytes: %v", err)
	}
	if _, err := f.Next(); err != nil || f.Ready() {
		t.Errorf("ready behind the last: %v", err)
	}
}

// A length that no server sends is rejected before memory is allocated for it.
func TestFramesBogusLength(t *testing.T) {
	for _, length := range []uint32{0, 1, 3, maxFrame + 5, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
		conn := pieces{append(binary.BigEndian.AppendUint32([]byte{'d'}, length), "body"...)}
		f := NewFrames(&conn)
		if _, err := f.Next(); err == nil || !strings.Contains(err.Error(), "not the wire protocol") {
			t.Errorf("length %d: %v", length, err)
		}
		if f.big != nil {
			t.Errorf("length %d: %d bytes of memory", length, cap(f.big.Bytes))
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(append(message('d', "body"), message('k', "")...), 3)
	f.Add([]byte{'d', 0, 1, 0, 200, 'x'}, 1)
	f.Fuzz(func(t *testing.T, wire []byte, size int) {
		size = max(size&0xff, 1)
		var conn pieces
		for rest := wire; len(rest) > 0; {
			n := min(size, len(rest))
			conn = append(conn, rest[:n], nil)
			rest = rest[n:]
		}
		fs := NewFrames(&conn)
		var again []byte
		for {
			m, err := fs.Next()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				continue
			}
			if err != nil {
				break
			}
			again = append(again, message(m.Kind, string(m.Body))...)
		}
		if !bytes.HasPrefix(wire, again) {
			t.Errorf("%x was read as %x", wire, again)
		}
	})
}

// Large depends on the recent messages, not on a single one.
func TestFramesKnowLargeMessages(t *testing.T) {
	message := func(n int) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{'d'}, uint32(n+4)), make([]byte, n)...)
	}
	small, large := message(150), message(60_000)
	for _, c := range []struct {
		name string
		wire [][]byte
		want bool
	}{
		{"small ones", [][]byte{small, small, small}, false},
		{"one of many", append(slices.Repeat([][]byte{small}, 50), append([][]byte{large}, slices.Repeat([][]byte{small}, 50)...)...), false},
		{"large ones", slices.Repeat([][]byte{large}, 50), true},
		{"small ones again", append(slices.Repeat([][]byte{large}, 50), slices.Repeat([][]byte{small}, 100)...), false},
	} {
		fs := NewFrames(bytes.NewReader(bytes.Join(c.wire, nil)))
		for range c.wire {
			m, err := fs.Next()
			if err != nil {
				t.Fatal(err)
			}
			m.Own.Release()
		}
		if fs.Large() != c.want {
			t.Errorf("%s: large %t", c.name, fs.Large())
		}
	}
}

// A stream asks for a wide window when its rows are of medium size on average, or when one is large; not because some are medium.
func TestFramesWidenByLength(t *testing.T) {
	for _, c := range []struct {
		name    string
		lengths []int // of messages that come in turn
		want    bool
	}{
		{"small", []int{mediumMessage - 50}, false},
		{"a few of medium size among small ones", []int{100, 100, 100, 100, 100, 100, 100, 1000}, false},
		{"medium", []int{mediumMessage + 50}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var wire []byte
			for i := range 10 * meanOf {
				wire = append(wire, message('d', strings.Repeat("x", c.lengths[i%len(c.lengths)]))...)
			}
			f, asked := NewFrames(bytes.NewReader(wire)), false
			f.Wide = func() { asked = true }
			all(t, f)
			if asked != c.want {
				t.Errorf("asked for a wide window: %t, want %t", asked, c.want)
			}
		})
	}
}

// Of a large message only the beginning passes through the shared buffer, from which it is copied, although a read could
// return 64 KiB.
func TestFramesReadLargeRowsWhereTheyStay(t *testing.T) {
	const size, before, count = 100_000, 2 * meanOf, 64 // the mean length has to show it first
	var wire []byte
	for range before + count {
		wire = append(wire, message('d', strings.Repeat("x", size))...)
	}
	r := &windowed{Reader: bytes.NewReader(wire), message: len(wire) / (before + count)}
	f := NewFrames(r)
	r.shared = f.buf
	for i := range before + count {
		if i == before {
			r.bytes = 0
		}
		m, err := f.Next()
		if err != nil {
			t.Fatal(err)
		}
		m.Own.Release()
	}
	if r.bytes > count*little {
		t.Errorf("%d bytes of %d messages went through the shared buffer, want %d at most", r.bytes, count, count*little)
	}
}

// windowed brings 64 KiB at most per read and nothing beyond a message, and counts what goes into a buffer.
type windowed struct {
	io.Reader
	message int // the length of each
	at      int
	shared  []byte
	bytes   int
}

func (w *windowed) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p[:min(len(p), 64<<10, w.message-w.at%w.message)])
	w.at += n
	if last := cap(p) - 1; &p[:cap(p)][last] == &w.shared[len(w.shared)-1] {
		w.bytes += n
	}
	return n, err
}
