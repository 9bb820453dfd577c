package eval

import "github.com/hashicorp/hcl/v2"

// Level is what a part of an expression depends on.
type Level uint8

// What a node can depend on, from the least.
const (
	OnNothing Level = iota // it is constant
	OnItems                // on variables of a for
	OnRow                  // on the row
)

// Node is a compiled part of an expression.
type Node struct {
	Eval func(f *Frame) Value
	// EvalJSON appends the value as JSON, and EvalText its text; null reports that it has none. nil: what Eval returns is appended.
	EvalJSON func(f *Frame, dst []byte) []byte
	EvalText func(f *Frame, dst []byte) (out []byte, null bool)

	At    hcl.Range
	Type  *Type
	Level Level
	Value Value // of a constant
	Name  string

	Column   *Column   // the node is nothing but a column
	Item     int       // the node is nothing but a variable that is a row: its slot, plus one
	ItemSlot int       // of a column of such a row: the slot of the variable
	Requires *Equality // a condition that holds only if the equality does
	All      []*Node   // a condition that holds only if all of them do
	Tests    []Test    // a condition that holds if all of them do; nil: any other
	Encoder  Encoding  // what EvalJSON does, where that is more than a function; nil
	Checks   bool      // a null here stands for a name that this check does not know, so the value shows nothing
}

// Encoding appends a value as JSON.
type Encoding interface {
	AppendJSON(f *Frame, dst []byte) []byte
}

// IsConstant reports whether the node has the same value for every row.
func (n *Node) IsConstant() bool { return n.Level == OnNothing && !n.Checks }

// Constant returns a node with a constant value.
func Constant(v Value, at hcl.Range) *Node {
	n := &Node{At: at, Type: TypeOf(v), Value: v, Eval: func(*Frame) Value { return v }}
	encoded := AppendJSON(Scratch(0), nil, v)
	n.EvalJSON = func(_ *Frame, dst []byte) []byte { return append(dst, encoded...) }
	return n
}

// LevelOf returns what a node depends on whose operands are these.
func LevelOf(operands ...*Node) (l Level) {
	for _, o := range operands {
		if o.Checks {
			return OnRow
		}
		l = max(l, o.Level)
	}
	return l
}

// AppendJSON appends the value as JSON.
func (n *Node) AppendJSON(f *Frame, dst []byte) []byte {
	if n.EvalJSON != nil {
		return n.EvalJSON(f, dst)
	}
	return AppendJSON(f, dst, n.Eval(f))
}

// AppendText appends the text of a scalar. Without one, for a null, it returns dst.
func (n *Node) AppendText(f *Frame, dst []byte) (out []byte, null bool) {
	if n.EvalText != nil {
		return n.EvalText(f, dst)
	}
	v := n.Eval(f)
	if v.Kind == NullKind || v.Kind == Failed {
		return dst, v.Kind == NullKind
	}
	return AppendText(f, dst, v), false
}

// Equality is a requirement of a condition: the text of the value of a column of the new row (of the old one for a delete).
type Equality struct {
	Column int // index into the columns of the table
	Text   string
}

// Equalities appends the requirements of a condition: its own, or those of both operands of an "and".
func (n *Node) Equalities(list []Equality) []Equality {
	for _, part := range n.All {
		list = part.Equalities(list)
	}
	if n.Requires != nil {
		list = append(list, *n.Requires)
	}
	return list
}
