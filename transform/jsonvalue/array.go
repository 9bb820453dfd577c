package jsonvalue

import (
	"bytes"

	"github.com/tailrace/tailrace/capture"
)

// maxDimensions is Postgres' MAXDIM.
const maxDimensions = 6

// array reads the text of one array type, such as `[2:3]={{1,NULL},{"a b","c"}}`.
type array struct {
	types *Types
	elem  Appender
	delim byte
}

func (c *Types) array(t *capture.Type) Appender {
	if t.Elem == nil {
		return AppendString
	}
	a := array{types: c, elem: c.Appender(t.Elem), delim: t.Delim}
	if a.delim == 0 {
		a.delim = ','
	}
	return a.append
}

func (a array) append(dst, text []byte) []byte {
	start, s := len(dst), text
	if len(s) > 0 && s[0] == '[' { // lower bounds other than 1
		_, s, _ = bytes.Cut(s, []byte("="))
	}
	dst, rest, ok := a.dimension(dst, s, 1)
	if !ok || len(rest) > 0 {
		return AppendString(dst[:start], text)
	}
	return dst
}

// dimension reads one pair of braces.
func (a array) dimension(dst, s []byte, depth int) (longer, rest []byte, ok bool) {
	if len(s) < 2 || s[0] != '{' || depth > maxDimensions {
		return dst, s, false
	}
	dst, s = append(dst, '['), s[1:]
	if s[0] == '}' {
		return append(dst, ']'), s[1:], true
	}
	for {
		if dst, s, ok = a.element(dst, s, depth); !ok || len(s) == 0 {
			return dst, s, false
		}
		switch s[0] {
		case '}':
			return append(dst, ']'), s[1:], true
		case a.delim:
			dst, s = append(dst, ','), s[1:]
		default:
			return dst, s, false
		}
	}
}

func (a array) element(dst, s []byte, depth int) (longer, rest []byte, ok bool) {
	switch {
	case len(s) == 0:
		return dst, s, false
	case s[0] == '{':
		return a.dimension(dst, s, depth+1)
	case s[0] == '"':
		mark := len(a.types.scratch)
		text, rest, ok := a.types.quoted(s[1:], false)
		if ok {
			dst = a.elem(dst, text)
		}
		a.types.scratch = a.types.scratch[:mark]
		return dst, rest, ok
	}
	n := 0
	for n < len(s) && s[n] != a.delim && s[n] != '}' {
		if s[n] == '"' || s[n] == '\\' || s[n] == '{' {
			return dst, s, false
		}
		n++
	}
	text, rest := s[:n], s[n:]
	if string(text) == "NULL" {
		return append(dst, "null"...), rest, true
	}
	return a.elem(dst, text), rest, n > 0
}
