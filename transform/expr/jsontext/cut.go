// Package jsontext reads JSON as Postgres stores it, without decoding, recursion or copying: it cuts a text into the values that it
// consists of. A text that is not JSON is never read beyond its end, and ok is then false.
package jsontext

import "bytes"

// TrimSpace skips white space.
func TrimSpace(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\n' || s[0] == '\t' || s[0] == '\r') {
		s = s[1:]
	}
	return s
}

// cutValue splits JSON after its first value.
func cutValue(s []byte) (value, rest []byte, ok bool) {
	s = TrimSpace(s)
	depth := 0
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return s[:i], s[i:], i > 0
			}
			depth--
			i++
			if depth == 0 {
				return s[:i], s[i:], true
			}
		case '"':
			n := StringLen(s[i:])
			if n == 0 {
				return nil, s, false
			}
			i += n
			if depth == 0 {
				return s[:i], s[i:], true
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return s[:i], s[i:], i > 0
			}
			i++
		default:
			i++
		}
	}
	return s, nil, depth == 0 && len(s) > 0
}

// StringLen returns the length of the JSON string at the start of s, with its quotes; 0 when it has no end.
func StringLen(s []byte) int {
	for i := 1; i < len(s); i++ {
		next := bytes.IndexByte(s[i:], '"')
		if next < 0 {
			return 0
		}
		back := bytes.IndexByte(s[i:i+next], '\\')
		if back < 0 {
			return i + next + 1
		}
		i += back + 1
	}
	return 0
}

// CutMember splits an object, after its brace or a comma, after its first member. done reports that there is none.
func CutMember(s []byte) (key, value, rest []byte, done, ok bool) {
	s = TrimSpace(s)
	if len(s) == 0 || s[0] == '}' {
		return nil, nil, nil, true, len(s) > 0
	}
	if s[0] != '"' {
		return nil, nil, nil, false, false
	}
	n := StringLen(s)
	if n == 0 {
		return nil, nil, nil, false, false
	}
	key, s = s[:n], TrimSpace(s[n:])
	if len(s) == 0 || s[0] != ':' {
		return nil, nil, nil, false, false
	}
	value, s, ok = cutValue(s[1:])
	return key, value, afterComma(s), false, ok
}

// CutElement splits an array, after its bracket or a comma, after its first element.
func CutElement(s []byte) (value, rest []byte, done, ok bool) {
	s = TrimSpace(s)
	if len(s) == 0 || s[0] == ']' {
		return nil, nil, true, len(s) > 0
	}
	value, s, ok = cutValue(s)
	return value, afterComma(s), false, ok
}

func afterComma(s []byte) []byte {
	s = TrimSpace(s)
	if len(s) > 0 && s[0] == ',' {
		return s[1:]
	}
	return s
}
