package jsonvalue

// quoted reads quoted text up to the closing quote; s begins after the opening one. A backslash escapes the next character; if
// doubled is set, a quote may also be escaped by doubling, as in composite values. The returned text is a slice of s or, if
// anything was unescaped, of the scratch memory, which the caller truncates after it has used the text.
func (c *Types) quoted(s []byte, doubled bool) (text, rest []byte, ok bool) {
	mark := len(c.scratch)
	for {
		n := 0
		for n < len(s) && s[n] != '"' && s[n] != '\\' {
			n++
		}
		if n == len(s) {
			return nil, s, false
		}
		again := n+1 < len(s) && (s[n] == '\\' || doubled && s[n+1] == '"')
		switch {
		case again:
			c.scratch = append(append(c.scratch, s[:n]...), s[n+1])
			s = s[n+2:]
		case s[n] == '\\':
			return nil, s, false
		case len(c.scratch) == mark:
			return s[:n], s[n+1:], true
		default:
			c.scratch = append(c.scratch, s[:n]...)
			return c.scratch[mark:], s[n+1:], true
		}
	}
}
