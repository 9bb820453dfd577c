package jsonvalue

import "github.com/tailrace/tailrace/capture"

// composite reads the text of one row type, such as `(1,"a ""b""",)`.
type composite struct {
	types  *Types
	fields []field
}

type field struct {
	name  []byte // `,"street":`
	value Appender
}

func (c *Types) composite(t *capture.Type) Appender {
	r := composite{types: c}
	for _, f := range t.Fields {
		name := append(AppendString([]byte{','}, []byte(f.Name)), ':')
		r.fields = append(r.fields, field{name, c.Appender(f.Type)})
	}
	return r.append
}

func (r composite) append(dst, text []byte) []byte {
	start := len(dst)
	dst, ok := r.object(dst, text)
	if !ok {
		return AppendString(dst[:start], text)
	}
	return dst
}

func (r composite) object(dst, s []byte) ([]byte, bool) {
	if len(s) < 2 || s[0] != '(' {
		return dst, false
	}
	dst = append(dst, '{')
	separator := byte('(')
	for i, f := range r.fields {
		if len(s) == 0 || s[0] != separator {
			return dst, false
		}
		name := f.name
		if i == 0 {
			name, separator = name[1:], ','
		}
		var ok bool
		if dst, s, ok = r.value(append(dst, name...), s[1:], f.value); !ok {
			return dst, false
		}
	}
	if len(r.fields) == 0 {
		s = s[1:]
	}
	return append(dst, '}'), string(s) == ")"
}

// value reads one attribute. An empty attribute is null; "" is the empty text.
func (r composite) value(dst, s []byte, value Appender) (longer, rest []byte, ok bool) {
	if len(s) > 0 && s[0] == '"' {
		mark := len(r.types.scratch)
		text, rest, ok := r.types.quoted(s[1:], true)
		if ok {
			dst = value(dst, text)
		}
		r.types.scratch = r.types.scratch[:mark]
		return dst, rest, ok
	}
	n := 0
	for n < len(s) && s[n] != ',' && s[n] != ')' {
		if s[n] == '"' || s[n] == '\\' || s[n] == '(' {
			return dst, s, false
		}
		n++
	}
	if n == 0 {
		return append(dst, "null"...), s, true
	}
	return value(dst, s[:n]), s[n:], true
}
