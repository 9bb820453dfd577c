package jsontext

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// HasEscapes reports whether a JSON string has escape sequences.
func HasEscapes(s []byte) bool { return bytes.IndexByte(s, '\\') >= 0 }

// AppendUnquoted appends the text of a JSON string without its quotes.
func AppendUnquoted(dst, s []byte) []byte {
	n := bytes.IndexByte(s, '\\')
	for n >= 0 && n+1 < len(s) {
		dst = append(dst, s[:n]...)
		dst, s = unescape(dst, s[n+1:])
		n = bytes.IndexByte(s, '\\')
	}
	return append(dst, s...)
}

// unescape appends the character of an escape sequence, which s has after its backslash. rest is what follows it.
func unescape(dst, s []byte) (out, rest []byte) {
	switch s[0] {
	case 'b':
		dst = append(dst, '\b')
	case 'f':
		dst = append(dst, '\f')
	case 'n':
		dst = append(dst, '\n')
	case 'r':
		dst = append(dst, '\r')
	case 't':
		dst = append(dst, '\t')
	case 'u':
		r, rest := hex4(s[1:])
		if utf16.IsSurrogate(r) && len(rest) > 1 && rest[0] == '\\' && rest[1] == 'u' {
			if low, after := hex4(rest[2:]); utf16.DecodeRune(r, low) != utf8.RuneError {
				r, rest = utf16.DecodeRune(r, low), after
			}
		}
		dst = utf8.AppendRune(dst, r)
		return dst, rest
	default:
		dst = append(dst, s[0])
	}
	return dst, s[1:]
}

// hex4 reads four hexadecimal digits.
func hex4(s []byte) (r rune, rest []byte) {
	i := 0
	for ; i < 4 && i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return utf8.RuneError, s[i:]
		}
	}
	return r, s[i:]
}
