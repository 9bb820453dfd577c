package jsonvalue

import "github.com/tailrace/tailrace/capture"

// Appender appends the JSON of a value's text to dst and returns the extended slice. It appends exactly one valid JSON value,
// whatever the text. It retains neither slice. text must not overlap the unused capacity of dst.
type Appender func(dst, text []byte) []byte

// Types compiles types to Appenders. A Types and its Appenders share scratch memory, so only one goroutine may use them.
type Types struct {
	number  bool   // numeric as a number
	scratch []byte // a stack of unescaped elements, in order of nesting
}

// keepScratch is how many bytes of scratch memory are kept after a value.
const keepScratch = 1 << 20

// New returns a Types. With numericAsNumber a numeric becomes a JSON number, otherwise a string.
func New(numericAsNumber bool) *Types { return &Types{number: numericAsNumber} }

// Appender compiles t. It also compiles the element types of arrays and composites, so that converting a value needs no lookup.
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

// outermost wraps a, and releases scratch memory that a large value has enlarged.
func (c *Types) outermost(a Appender) Appender {
	return func(dst, text []byte) []byte {
		dst = a(dst, text)
		if len(c.scratch) == 0 && cap(c.scratch) > keepScratch {
			c.scratch = nil
		}
		return dst
	}
}
