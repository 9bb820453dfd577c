package jsonvalue

// quoted reads text in quotes up to the closing one; s begins behind the opening one. A backslash stands before what is
// meant as it is; with doubled a quote may also be written twice, as records do. The text is a part of s, or of the
// scratch memory where something was unescaped: the caller sets that back when the text is used.
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
