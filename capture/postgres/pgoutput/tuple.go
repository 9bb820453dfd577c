package pgoutput

import (
	"encoding/binary"
	"fmt"

	"github.com/tailrace/tailrace/capture"
)

// tuple reads the values of one row, which begin at src[off:], and returns them and the offset after them.
func tuple(k Kind, src []byte, off int, s *Slab) ([]capture.Value, int, error) {
	if len(src)-off < 2 {
		return nil, 0, short(k, off, "number of columns", 2, len(src)-off)
	}
	n := int(binary.BigEndian.Uint16(src[off:]))
	off += 2
	if n > len(src)-off { // a column takes at least one byte
		return nil, 0, short(k, off, "columns of the row", uint64(n), len(src)-off)
	}
	vals := s.Take(n)
	for i := range vals {
		if off >= len(src) {
			return nil, 0, short(k, off, fmt.Sprintf("column %d", i), 1, 0)
		}
		switch src[off] {
		case 't':
			end := textEnd(src, off)
			if end < 0 {
				return nil, 0, shortText(k, src, off, i)
			}
			vals[i] = capture.Value{Kind: capture.Text, Bytes: src[off+5 : end : end]}
			off = end
		case 'n': // the zero Value is a null
			off++
		case 'u':
			vals[i].Kind = capture.Unchanged
			off++
		default:
			return nil, 0, notText(k, src[off], off, i)
		}
	}
	return vals, off, nil
}

// textEnd returns where the text value whose kind byte is at src[off] ends, or -1 when that is beyond src. Lengths are
// compared as 64-bit numbers, so that no length wraps.
func textEnd(src []byte, off int) int {
	if len(src)-off < 5 {
		return -1
	}
	n := int64(binary.BigEndian.Uint32(src[off+1:]))
	if n > int64(len(src)-off-5) {
		return -1
	}
	return off + 5 + int(n)
}

//go:noinline
func shortText(k Kind, src []byte, off, column int) error {
	left := len(src) - off - 1
	if left < 4 {
		return short(k, off+1, fmt.Sprintf("length of column %d", column), 4, left)
	}
	n := binary.BigEndian.Uint32(src[off+1:])
	return short(k, off+5, fmt.Sprintf("column %d", column), uint64(n), left-4)
}

//go:noinline
func notText(k Kind, kind byte, off, column int) error {
	reason := fmt.Sprintf("column %d has the unknown kind %q", column, kind)
	if kind == 'b' {
		reason = fmt.Sprintf("column %d is in binary form, and text was asked for", column)
	}
	return &Error{Kind: k, Offset: off, Reason: reason}
}
