package jsonvalue

import (
	"encoding/binary"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends text as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendString(dst, text []byte) []byte {
	dst = append(dst, '"')
	for {
		n := plain(text)
		dst = append(dst, text[:n]...)
		if n == len(text) {
			return append(dst, '"')
		}
		text = text[n:]
		if text[0] < utf8.RuneSelf {
			dst = appendEscaped(dst, text[0])
			text = text[1:]
			continue
		}
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, `\ufffd`...)
		} else {
			dst = append(dst, text[:size]...)
		}
		text = text[size:]
	}
}

// plain is how many bytes at the start of text stand in a JSON string as they are, as far as ASCII reaches.
func plain(text []byte) int {
	n := 0
	for len(text)-n >= 8 && plainWord(binary.LittleEndian.Uint64(text[n:])) {
		n += 8
	}
	for n < len(text) && plainByte(text[n]) {
		n++
	}
	return n
}

func plainByte(c byte) bool { return c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' }

// plainWord is plainByte of eight bytes at once: a byte that is not plain leaves its highest bit in one of the terms, and
// a borrow comes only from such a byte.
func plainWord(w uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	control := w - ones*' '
	quote := (w ^ ones*'"') - ones
	backslash := (w ^ ones*'\\') - ones
	return (w|control|quote|backslash)&high == 0
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
