package jsonvalue

import "github.com/tailrace/tailrace/capture"

// Appender appends to dst the JSON of a value's text and returns the longer slice. It appends one valid JSON value
// whatever the text is. It keeps neither of them, and text must not be a part of dst's array behind its length.
type Appender func(dst, text []byte) []byte

// Types compiles types into Appenders. A Types and all its Appenders are for one goroutine: they share scratch memory.
type Types struct {
	number  bool   // numeric as a number
	scratch []byte // unescaped elements, one behind the other as they nest
}

// keepScratch is how many bytes of scratch survive one value.
const keepScratch = 1 << 20

// New makes a Types; with numericAsNumber a numeric is a JSON number, else a string.
func New(numericAsNumber bool) *Types { return &Types{number: numericAsNumber} }

// Appender compiles t. Arrays and composites are compiled whole, so that a value costs no look-up.
func (c *Types) Appender(t *capture.Type) Appender {
	switch t.Kind {
	case capture.KindBool:
		return appendBool
	case capture.KindInt:
		return appendInt
	case capture.KindFloat:
		return appendNumber
	case capture.KindNumeric:
		if c.number {
			return appendNumber
		}
	case capture.KindBytes:
		return appendBytes
	case capture.KindJSON:
		return AppendDocument
	case capture.KindTimestamp:
		return appendTimestamp
	case capture.KindTimestampTZ:
		return appendTimestampTZ
	case capture.KindInterval:
		return appendInterval
	case capture.KindHstore:
		return c.outermost(c.appendHstore)
	case capture.KindArray:
		return c.outermost(c.array(t))
	case capture.KindComposite:
		return c.outermost(c.composite(t))
	}
	return AppendString
}

// outermost gives scratch memory back that one large value has made large.
func (c *Types) outermost(a Appender) Appender {
	return func(dst, text []byte) []byte {
		dst = a(dst, text)
		if len(c.scratch) == 0 && cap(c.scratch) > keepScratch {
			c.scratch = nil
		}
		return dst
	}
}
