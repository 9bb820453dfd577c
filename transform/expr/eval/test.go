package eval

import (
	"encoding/binary"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr/decimal"
)

// Test is the comparison of a column with a constant: a text for equality, or a number by order. It is never null. It has all that
// most rows need in 32 bytes, so that a condition of several tests is in one line of the processor's cache.
type Test struct {
	rest     *Node // decides where the value is not a short text
	column   int32 // index into the columns of the table
	source   Source
	accepted uint8    // of an order: bit 0 less, bit 1 equal, bit 2 greater; 0: the test is for equality
	negate   bool     // of an equality
	size     uint8    // of a text; the scale of a number
	constant [16]byte // the text, or the number without its scale
}

// maxNumber is how many bytes the text of a number has at most that is compared without its node.
const maxNumber = 20

// TextTest returns the test of a column for a text. ok is false where it has no short form.
func TextTest(n *Node, c *Column, text string, negate bool) (t Test, ok bool) {
	t = Test{rest: n, column: int32(c.Index), source: c.Source, negate: negate, size: uint8(len(text))}
	return t, c.simple() && len(text) <= len(t.constant) && copy(t.constant[:], text) == len(text)
}

// OrderTest returns the test of a column, which is an exact number, by its order relative to a number.
func OrderTest(n *Node, c *Column, limit decimal.Number, accepted uint8) (t Test, ok bool) {
	t = Test{rest: n, column: int32(c.Index), source: c.Source, accepted: accepted, size: uint8(limit.Scale)}
	binary.LittleEndian.PutUint64(t.constant[:], uint64(limit.Int))
	return t, c.simple() && limit.Big == nil && limit.Scale >= 0 && limit.Scale < 100
}

// simple reports whether the column is one of the change's rows.
func (c *Column) simple() bool { return c.Index >= 0 && (c.Source == OfRow || c.Source == OfOld) }

// Pass reports whether all tests hold. They are evaluated in order, up to the first that does not, or that fails.
func (f *Frame) Pass(tests []Test) bool {
	for i := range tests {
		if !tests[i].holds(f) {
			return false
		}
	}
	return true
}

func (t *Test) holds(f *Frame) bool {
	v := &f.Row[t.column]
	if t.source == OfOld {
		v = oldValue(f.Old, f.Row, int(t.column))
	}
	switch {
	case v.Kind != capture.Text:
	case t.accepted == 0:
		return (string(v.Bytes) == string(t.constant[:t.size])) != t.negate
	case len(v.Bytes) <= maxNumber:
		if n, ok := decimal.Parse(v.Bytes); ok && n.Big == nil {
			limit := decimal.Number{Int: int64(binary.LittleEndian.Uint64(t.constant[:])), Scale: int32(t.size)}
			return t.accepted>>(decimal.Compare(n, limit)+1)&1 != 0
		}
	}
	return t.rest.Eval(f).IsTrue()
}
