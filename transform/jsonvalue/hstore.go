package jsonvalue

import "bytes"

// appendHstore converts `"a"=>"1", "b"=>NULL` to a JSON object.
func (c *Types) appendHstore(dst, text []byte) []byte {
	start := len(dst)
	dst = append(dst, '{')
	for s, first := text, true; len(s) > 0; first = false {
		if !first {
			var more bool
			if s, more = bytes.CutPrefix(s, []byte(", ")); !more {
				return AppendString(dst[:start], text)
			}
			dst = append(dst, ',')
		}
		var ok bool
		if dst, s, ok = c.appendPair(dst, s); !ok {
			return AppendString(dst[:start], text)
		}
	}
	return append(dst, '}')
}

func (c *Types) appendPair(dst, s []byte) (longer, rest []byte, ok bool) {
	if dst, s, ok = c.appendQuoted(dst, s); !ok {
		return dst, s, false
	}
	if s, ok = bytes.CutPrefix(s, []byte("=>")); !ok {
		return dst, s, false
	}
	dst = append(dst, ':')
	if rest, null := bytes.CutPrefix(s, []byte("NULL")); null {
		return append(dst, "null"...), rest, true
	}
	return c.appendQuoted(dst, s)
}

func (c *Types) appendQuoted(dst, s []byte) (longer, rest []byte, ok bool) {
	if len(s) == 0 || s[0] != '"' {
		return dst, s, false
	}
	mark := len(c.scratch)
	text, rest, ok := c.quoted(s[1:], false)
	if ok {
		dst = AppendString(dst, text)
	}
	c.scratch = c.scratch[:mark]
	return dst, rest, ok
}
