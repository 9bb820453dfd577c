package jsonvalue

import "unicode/utf8"

// maxDepth is how deeply an embedded document may nest. Go's decoder stops at 10,000 levels, including those that enclose the
// document.
const maxDepth = 9_900

// AppendDocument appends a JSON text unchanged, except that line breaks between its tokens become spaces, so that a value takes
// one line. Text that is not JSON becomes a JSON string.
func AppendDocument(dst, text []byte) []byte {
	if !utf8.Valid(text) {
		return AppendString(dst, text)
	}
	start := len(dst)
	dst = append(dst, text...)
	d := document{rest: dst[start:]}
	if !d.value(0) || d.space() {
		return AppendString(dst[:start], text)
	}
	return dst
}

// Valid reports whether text is a JSON text in UTF-8. It does not change text.
func Valid(text []byte) bool {
	if !utf8.Valid(text) {
		return false
	}
	d := document{rest: text, readOnly: true}
	return d.value(0) && !d.space()
}

// document parses JSON and replaces its line breaks by spaces in place.
type document struct {
	rest     []byte
	readOnly bool // line breaks stay
}

// space skips white space and reports whether anything follows.
func (d *document) space() bool {
	for i, c := range d.rest {
		switch c {
		case '\n', '\r':
			if !d.readOnly {
				d.rest[i] = ' '
			}
		case ' ', '\t':
		default:
			d.rest = d.rest[i:]
			return true
		}
	}
	d.rest = nil
	return false
}

// take skips white space and then c, and reports whether c was there.
func (d *document) take(c byte) bool {
	if !d.space() || d.rest[0] != c {
		return false
	}
	d.rest = d.rest[1:]
	return true
}

func (d *document) value(depth int) bool {
	if depth > maxDepth || !d.space() {
		return false
	}
	switch d.rest[0] {
	case '{':
		return d.list('}', depth, true)
	case '[':
		return d.list(']', depth, false)
	case '"':
		return d.string()
	case 't':
		return d.word("true")
	case 'f':
		return d.word("false")
	case 'n':
		return d.word("null")
	}
	rest, ok := number(d.rest)
	d.rest = rest
	return ok
}

// list reads an array, or an object if named is set.
func (d *document) list(end byte, depth int, named bool) bool {
	d.rest = d.rest[1:]
	if d.take(end) {
		return true
	}
	for {
		if named && (!d.space() || !d.string() || !d.take(':')) {
			return false
		}
		if !d.value(depth + 1) {
			return false
		}
		if d.take(end) {
			return true
		}
		if !d.take(',') {
			return false
		}
	}
}

func (d *document) word(w string) bool {
	if len(d.rest) < len(w) || string(d.rest[:len(w)]) != w {
		return false
	}
	d.rest = d.rest[len(w):]
	return true
}

func (d *document) string() bool {
	if d.rest[0] != '"' {
		return false
	}
	s := d.rest[1:]
	for {
		s = s[plain(s):]
		switch {
		case len(s) == 0 || s[0] < ' ':
			return false
		case s[0] == '"':
			d.rest = s[1:]
			return true
		default:
			n := escape(s)
			if n == 0 {
				return false
			}
			s = s[n:]
		}
	}
}

// escape returns the length of the escape sequence at the start of s, or 0 if there is none.
func escape(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(s) >= 6 && isHex(s[2]) && isHex(s[3]) && isHex(s[4]) && isHex(s[5]) {
			return 6
		}
	}
	return 0
}

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
