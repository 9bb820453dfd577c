package expr

import "github.com/hashicorp/hcl/v2"

// level is what a part of an expression depends on.
type level uint8

const (
	onNothing level = iota // it is constant
	onItems                // on variables of a for
	onRow                  // on the row
)

// node is a compiled part of an expression.
type node struct {
	at    hcl.Range
	typ   *typ
	level level
	value val // of a constant
	name  string

	eval func(f *frame) val
	// json appends the value as JSON, and text its text; null reports that it has none. nil: what eval returns is appended.
	json func(f *frame, dst []byte) []byte
	text func(f *frame, dst []byte) (out []byte, null bool)

	column   *column   // the node is nothing but a column
	item     int       // the node is nothing but a variable that is a row: its slot, plus one
	itemSlot int       // of a column of such a row: the slot of the variable
	requires *Equality // a condition that holds only if the equality does
	all      []*node   // a condition that holds only if all of them do
	checks   bool      // a null here stands for a name that this check does not know, so the value shows nothing
}

func (n *node) constant() bool { return n.level == onNothing && !n.checks }

// constant returns a node with a constant value.
func constant(v val, at hcl.Range) *node {
	n := &node{at: at, typ: typeOf(v), value: v, eval: func(*frame) val { return v }}
	encoded := appendVal(scratch(), nil, v)
	n.json = func(_ *frame, dst []byte) []byte { return append(dst, encoded...) }
	return n
}

// levelOf returns what a node depends on whose operands are these.
func levelOf(operands ...*node) (l level) {
	for _, o := range operands {
		if o.checks {
			return onRow
		}
		l = max(l, o.level)
	}
	return l
}

func (n *node) appendJSON(f *frame, dst []byte) []byte {
	if n.json != nil {
		return n.json(f, dst)
	}
	return appendVal(f, dst, n.eval(f))
}

// appendText appends the text of a scalar. Without one, for a null, it returns dst.
func (n *node) appendText(f *frame, dst []byte) (out []byte, null bool) {
	if n.text != nil {
		return n.text(f, dst)
	}
	v := n.eval(f)
	if v.kind == nullKind || v.kind == failed {
		return dst, v.kind == nullKind
	}
	return appendScalar(f, dst, v), false
}

// Equality is a requirement of a condition: the text of the value of a column of the new row (of the old one for a delete).
type Equality struct {
	Column int // index into the columns of the table
	Text   string
}

// equalities appends the requirements of a condition: its own, or those of both operands of an "and".
func (n *node) equalities(list []Equality) []Equality {
	for _, part := range n.all {
		list = part.equalities(list)
	}
	if n.requires != nil {
		list = append(list, *n.requires)
	}
	return list
}
