// Package eval has what a compiled expression consists of: nodes, the values that they give, and the frame in which one goroutine
// evaluates them, row after row. It never changes a row, and what is frequent allocates nothing.
package eval

import (
	"math"
	"math/big"

	"github.com/tailrace/tailrace/capture"
)

// Kind is the kind of a Value: which of its fields count.
type Kind uint8

// The kinds of values.
const (
	NullKind Kind = iota
	BoolKind
	NumberKind // a decimal number
	FloatKind  // a binary one, NaN and the infinities
	TextKind
	TimeKind
	DocumentKind // a JSON object or array, as text
	ListKind     // Box.List
	ObjectKind   // Box.Keys, Box.List
	RowKind      // a row of a table, Box.Rows[Int]
	RowsKind     // a list of rows, Box.Rows
	Failed       // no value: Frame.Err
)

// Value is a value while an expression is evaluated. It is passed in registers. Bytes belong to the change or to the frame: they are
// valid until the frame is used for the next row.
type Value struct {
	Kind  Kind
	Flags Flags
	Scale int32
	Int   int64  // of a number: Int / 10^Scale, unless Bytes or Box is set; 1 for true; microseconds of a time; the bits of a float
	Bytes []byte // a text, or the text of a number, a float or a time that is not parsed yet
	Box   *Box
}

// ValueSize is about the memory of a Value in a list, in bytes.
const ValueSize = 64

// Flags are details of a number or a time.
type Flags uint8

// The flags of numbers and times.
const (
	Quoted  Flags = 1 << iota // a numeric: all its digits count, and in JSON it is a string unless NumericAsNumber is set
	IsDate                    // a time without a time of day
	isLocal                   // a time without a zone
)

// Box is the part of a Value that is rarely used.
type Box struct {
	Big  *big.Int
	List []Value
	Keys [][]byte
	Rows [][]capture.Value
	Row  *RowType

	index map[string]int // of the keys, when it was needed
}

// Bool returns a boolean.
func Bool(b bool) Value {
	if b {
		return Value{Kind: BoolKind, Int: 1}
	}
	return Value{Kind: BoolKind}
}

// IsTrue reports whether the value is true, neither false nor null.
func (v Value) IsTrue() bool { return v.Kind == BoolKind && v.Int != 0 }

// Text returns a text. It does not copy b.
func Text(b []byte) Value { return Value{Kind: TextKind, Bytes: b} }

// Int returns an integer.
func Int(i int64) Value { return Value{Kind: NumberKind, Int: i} }

// Float returns a binary number.
func Float(x float64) Value { return Value{Kind: FloatKind, Int: int64(math.Float64bits(x))} }

// List returns a list. It does not copy the elements.
func List(list []Value) Value { return Value{Kind: ListKind, Box: &Box{List: list}} }

// Class returns the class of a value's kind.
func (v Value) Class() Class {
	switch v.Kind {
	case NullKind:
		return NullClass
	case BoolKind:
		return BoolClass
	case NumberKind, FloatKind:
		return NumberClass
	case TextKind:
		return TextClass
	case TimeKind:
		return TimeClass
	case ListKind, RowsKind:
		return ListClass
	case ObjectKind, RowKind:
		return ObjectClass
	case DocumentKind:
		if len(v.Bytes) > 0 && v.Bytes[0] == '[' {
			return ListClass
		}
		return ObjectClass
	}
	return AnyClass
}

// TypeOf returns the type of a constant.
func TypeOf(v Value) *Type {
	switch c := v.Class(); {
	case v.Kind == ListKind:
		t := &Type{Class: ListClass}
		for i, e := range v.Box.List {
			if i == 0 {
				t.Elem = TypeOf(e)
			} else {
				t.Elem = Unify(t.Elem, TypeOf(e))
			}
		}
		return t
	case v.Kind == ObjectKind:
		t := &Type{Class: ObjectClass, Closed: true}
		for i, e := range v.Box.List {
			t.Fields = append(t.Fields, Field{string(v.Box.Keys[i]), TypeOf(e)})
		}
		return t
	case c == BoolClass:
		return BoolType
	case c == NumberClass:
		return NumberType
	case c == TextClass:
		return TextType
	case c == NullClass:
		return NullType
	case c == TimeClass:
		return TimeType
	default:
		return &Type{Class: c}
	}
}
