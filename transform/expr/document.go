package expr

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// This file reads JSON as Postgres stores it, without recursion and without copying. Text that is not JSON is never read beyond its
// end; what it gives is then an error.

// trimSpace skips white space.
func trimSpace(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\n' || s[0] == '\t' || s[0] == '\r') {
		s = s[1:]
	}
	return s
}

// cutValue splits JSON after its first value.
func cutValue(s []byte) (value, rest []byte, ok bool) {
	s = trimSpace(s)
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
			n := stringLen(s[i:])
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

// stringLen returns the length of the JSON string at the start of s, with its quotes; 0 when it has no end.
func stringLen(s []byte) int {
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

// cutMember splits an object, after its brace or a comma, after its first member. done reports that there is none.
func cutMember(s []byte) (key, value, rest []byte, done, ok bool) {
	s = trimSpace(s)
	if len(s) == 0 || s[0] == '}' {
		return nil, nil, nil, true, len(s) > 0
	}
	if s[0] != '"' {
		return nil, nil, nil, false, false
	}
	n := stringLen(s)
	if n == 0 {
		return nil, nil, nil, false, false
	}
	key, s = s[:n], trimSpace(s[n:])
	if len(s) == 0 || s[0] != ':' {
		return nil, nil, nil, false, false
	}
	value, s, ok = cutValue(s[1:])
	return key, value, afterComma(s), false, ok
}

// cutElement splits an array, after its bracket or a comma, after its first element.
func cutElement(s []byte) (value, rest []byte, done, ok bool) {
	s = trimSpace(s)
	if len(s) == 0 || s[0] == ']' {
		return nil, nil, true, len(s) > 0
	}
	value, s, ok = cutValue(s)
	return value, afterComma(s), false, ok
}

func afterComma(s []byte) []byte {
	s = trimSpace(s)
	if len(s) > 0 && s[0] == ',' {
		return s[1:]
	}
	return s
}

// resolve returns the value of a JSON text.
func (f *frame) resolve(s []byte, at hcl.Range) val {
	s = trimSpace(s)
	if len(s) == 0 {
		return f.fail(at, "this is not JSON")
	}
	switch s[0] {
	case '{', '[':
		return val{kind: docKind, b: s}
	case '"':
		if n := stringLen(s); n > 0 {
			return textVal(f.unquote(s[1 : n-1]))
		}
		return f.fail(at, "this is not JSON")
	case 't':
		return boolVal(true)
	case 'f':
		return boolVal(false)
	case 'n':
		return val{}
	}
	for len(s) > 0 && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return val{kind: numKind, b: s}
}

// unquote returns the text of a JSON string without its quotes.
func (f *frame) unquote(s []byte) []byte {
	n := bytes.IndexByte(s, '\\')
	if n < 0 {
		return s
	}
	start := len(f.arena)
	for n >= 0 && n+1 < len(s) {
		f.arena = append(f.arena, s[:n]...)
		s = f.unescape(s[n+1:])
		n = bytes.IndexByte(s, '\\')
	}
	f.arena = append(f.arena, s...)
	return f.kept(start)
}

// unescape appends the character of an escape sequence, after its backslash, to the arena, and returns what follows.
func (f *frame) unescape(s []byte) []byte {
	switch s[0] {
	case 'b':
		f.arena = append(f.arena, '\b')
	case 'f':
		f.arena = append(f.arena, '\f')
	case 'n':
		f.arena = append(f.arena, '\n')
	case 'r':
		f.arena = append(f.arena, '\r')
	case 't':
		f.arena = append(f.arena, '\t')
	case 'u':
		r, rest := hex4(s[1:])
		if utf16.IsSurrogate(r) && len(rest) > 1 && rest[0] == '\\' && rest[1] == 'u' {
			if low, after := hex4(rest[2:]); utf16.DecodeRune(r, low) != utf8.RuneError {
				r, rest = utf16.DecodeRune(r, low), after
			}
		}
		f.arena = utf8.AppendRune(f.arena, r)
		return rest
	default:
		f.arena = append(f.arena, s[0])
	}
	return s[1:]
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

// member returns the member of an object, null when it has none. Of several with the same key, the last counts, as in Postgres.
func (f *frame) member(doc []byte, key []byte, at hcl.Range) val {
	if !f.spend(len(doc)) {
		return val{kind: failed}
	}
	var found []byte
	s := doc[1:]
	for {
		k, value, rest, done, ok := cutMember(s)
		if !ok {
			return f.fail(at, "this is not JSON")
		}
		if done {
			break
		}
		if f.sameKey(k[1:len(k)-1], key) {
			found = value
		}
		s = rest
	}
	if found == nil {
		return val{}
	}
	return f.resolve(found, at)
}

// sameKey compares the text of a JSON string with a key.
func (f *frame) sameKey(raw, key []byte) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == string(key)
	}
	start := len(f.arena)
	same := string(f.unquote(raw)) == string(key)
	f.arena = f.arena[:start]
	return same
}

// element returns an element of an array, null when it has none.
func (f *frame) element(doc []byte, index int, at hcl.Range) val {
	if !f.spend(len(doc)) {
		return val{kind: failed}
	}
	s := doc[1:]
	for i := 0; ; i++ {
		value, rest, done, ok := cutElement(s)
		switch {
		case !ok:
			return f.fail(at, "this is not JSON")
		case done:
			return val{}
		case i == index:
			return f.resolve(value, at)
		}
		s = rest
	}
}
