package jsonvalue

import (
	"encoding/binary"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends text as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendString(dst, text []byte) []byte {
	n := plainASCII(text) // usually all of it
	dst = append(append(dst, '"'), text[:n]...)
	text = text[n:]
	if !utf8.Valid(text) {
		text = replaced(text)
	}
	for len(text) > 0 {
		n := plain(text)
		dst = append(dst, text[:n]...)
		if n == len(text) {
			break
		}
		dst = appendEscaped(dst, text[n])
		text = text[n+1:]
	}
	return append(dst, '"')
}

// replaced returns text with U+FFFD in place of each byte that is not UTF-8.
func replaced(text []byte) []byte {
	out := make([]byte, 0, 2*len(text))
	for _, r := range string(text) {
		out = utf8.AppendRune(out, r)
	}
	return out
}

// plain returns how many bytes at the start of text, which is UTF-8, need no escaping in a JSON string.
func plain(text []byte) int {
	n := 0
	if len(text) >= 2*vector && plainWord(binary.LittleEndian.Uint64(text)) { // in most texts with an escape others follow soon
		n = plainVectors(text, high&0xff)
	}
	for len(text)-n >= 8 && plainWord(binary.LittleEndian.Uint64(text[n:])) {
		n += 8
	}
	for n < len(text) && text[n] >= ' ' && text[n] != '"' && text[n] != '\\' {
		n++
	}
	return n
}

// plainASCII is like plain, but stops at the first byte that is not ASCII.
func plainASCII(text []byte) int {
	n := 0
	if len(text) >= vector {
		n = plainVectors(text, 0)
	}
	for len(text)-n >= 32 {
		b := text[n : n+32]
		if asciiWord(binary.LittleEndian.Uint64(b))&asciiWord(binary.LittleEndian.Uint64(b[8:]))&
			asciiWord(binary.LittleEndian.Uint64(b[16:]))&asciiWord(binary.LittleEndian.Uint64(b[24:]))&high != high {
			break
		}
		n += 32
	}
	for len(text)-n >= 8 && asciiWord(binary.LittleEndian.Uint64(text[n:]))&high == high {
		n += 8
	}
	for n < len(text) && text[n] >= ' ' && text[n] < utf8.RuneSelf && text[n] != '"' && text[n] != '\\' {
		n++
	}
	return n
}

// vector is the number of bytes that plainVectors looks at together.
const vector = 16

// The lowest and the highest bit of each of eight bytes.
const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// plainWord reports whether none of eight bytes needs escaping. (x - ones) &^ x has the highest bit of a byte set where x has a
// zero byte, and otherwise only above such a byte; likewise (w - ones*' ') &^ w where w has a byte below a space.
func plainWord(w uint64) bool {
	quote, backslash := w^ones*'"', w^ones*'\\'
	return ((w-ones*' ')&^w|(quote-ones)&^quote|(backslash-ones)&^backslash)&high == 0
}

// asciiWord tests eight bytes at once. The highest bits of all bytes of the result are set if and only if all bytes are ASCII and
// need no escaping. The sums of ASCII bytes never carry into the next byte; those of other bytes may, but the last operand clears
// the highest bit of these bytes.
func asciiWord(w uint64) uint64 {
	quote, backslash := w^ones*'"', w^ones*'\\'
	return (w + ones*(0x80-' ')) & (quote + ones*0x7f) & (backslash + ones*0x7f) &^ w
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
