package eval

import (
	"bytes"

	"github.com/tailrace/tailrace/transform/expr/decimal"
)

// Ordered compares by order. Values of different types have none, so the result is false, as in a JSON path of Postgres.
func (f *Frame) Ordered(l, r Value, at *Node, accepted uint8) Value {
	if l.Kind == Failed || r.Kind == Failed {
		return Value{Kind: Failed}
	}
	order, ok := f.compare(l, r, at)
	if f.Err != nil {
		return Value{Kind: Failed}
	}
	return Bool(ok && accepted>>(order+1)&1 != 0)
}

func (f *Frame) compare(l, r Value, at *Node) (order int, ok bool) {
	switch {
	case l.Kind == NullKind || r.Kind == NullKind:
		return 0, false
	case l.Kind == TextKind && r.Kind == TextKind:
		return bytes.Compare(l.Bytes, r.Bytes), true
	case l.Class() == NumberClass && r.Class() == NumberClass:
		return f.CompareNumbers(l, r, at)
	case l.Kind == TimeKind || r.Kind == TimeKind:
		a, ok := l.Micros()
		b, ok2 := r.Micros()
		switch {
		case !ok || !ok2:
			return 0, false
		case a < b:
			return -1, true
		case a > b:
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// CompareNumbers compares two numbers; false when one of them is none.
func (f *Frame) CompareNumbers(l, r Value, at *Node) (int, bool) {
	a, ok := f.Decimal(l)
	b, ok2 := f.Decimal(r)
	if ok && ok2 {
		if (a.Big != nil || b.Big != nil) && !f.Spend(decimal.Cost(a, b)) {
			return 0, false
		}
		return decimal.Compare(a, b), true
	}
	l, r = f.Number(l, at), f.Number(r, at)
	if l.Kind == Failed || r.Kind == Failed {
		return 0, false
	}
	return decimal.CompareFloats(f.Float(l), f.Float(r)), true
}
