package expr

import (
	"math"
	"math/big"

	"github.com/tailrace/tailrace/capture"
)

// kind is the kind of a val.
type kind uint8

const (
	nullKind kind = iota
	boolKind
	numKind   // a decimal number
	floatKind // a binary one, NaN and the infinities
	textKind
	timeKind
	docKind    // a JSON object or array, as text
	listKind   // box.list
	objectKind // box.keys, box.list
	rowKind    // box.rows[i]
	rowsKind   // a list, box.rows
	failed     // frame.err
)

// val is a value while an expression is evaluated. It is passed in registers. Bytes belong to the change or to the frame: they are
// valid until the frame is used for the next row.
type val struct {
	kind  kind
	flags flags
	scale int32
	i     int64  // of a number: i / 10^scale, unless b or p is set; 1 for true; microseconds of a time; the bits of a float
	b     []byte // a text, or the text of a number, a float or a time that is not parsed yet
	p     *box
}

// valSize is about the memory of a val in a list.
const valSize = 64

type flags uint8

const (
	quoted  flags = 1 << iota // a numeric: a JSON string with all digits
	isDate                    // a time without a time of day
	isLocal                   // a time without a zone
)

// box is the part of a val that is rarely used.
type box struct {
	big  *big.Int
	list []val
	keys [][]byte
	rows [][]capture.Value
	row  *rowType

	index map[string]int // of the keys, when it was needed
}

func boolVal(b bool) val {
	if b {
		return val{kind: boolKind, i: 1}
	}
	return val{kind: boolKind}
}

func (v val) isTrue() bool { return v.kind == boolKind && v.i != 0 }

func textVal(b []byte) val { return val{kind: textKind, b: b} }

func intVal(i int64) val { return val{kind: numKind, i: i} }

func floatVal(x float64) val { return val{kind: floatKind, i: int64(math.Float64bits(x))} }

func listVal(list []val) val { return val{kind: listKind, p: &box{list: list}} }

// class returns the class of a value's kind.
func (v val) class() class {
	switch v.kind {
	case nullKind:
		return nullClass
	case boolKind:
		return boolClass
	case numKind, floatKind:
		return numberClass
	case textKind:
		return textClass
	case timeKind:
		return timeClass
	case listKind, rowsKind:
		return listClass
	case objectKind, rowKind:
		return objectClass
	case docKind:
		if len(v.b) > 0 && v.b[0] == '[' {
			return listClass
		}
		return objectClass
	}
	return anyClass
}

// typeOf returns the type of a constant.
func typeOf(v val) *typ {
	switch c := v.class(); {
	case v.kind == listKind:
		t := &typ{class: listClass}
		for i, e := range v.p.list {
			if i == 0 {
				t.elem = typeOf(e)
			} else {
				t.elem = unify(t.elem, typeOf(e))
			}
		}
		return t
	case v.kind == objectKind:
		t := &typ{class: objectClass, closed: true}
		for i, e := range v.p.list {
			t.fields = append(t.fields, fieldType{string(v.p.keys[i]), typeOf(e)})
		}
		return t
	case c == boolClass:
		return boolType
	case c == numberClass:
		return numberType
	case c == textClass:
		return textType
	case c == nullClass:
		return nullType
	case c == timeClass:
		return timeType
	default:
		return &typ{class: c}
	}
}
