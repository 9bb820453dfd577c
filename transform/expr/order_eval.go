package expr

import (
	"bytes"

	"github.com/tailrace/tailrace/transform/expr/decimal"
)

// ordered compares by order. Values of different types have none, so the result is false, as in a JSON path of Postgres.
func (f *frame) ordered(l, r val, at *node, accepted uint8) val {
	if l.kind == failed || r.kind == failed {
		return val{kind: failed}
	}
	order, ok := f.compare(l, r, at)
	if f.err != nil {
		return val{kind: failed}
	}
	return boolVal(ok && accepted>>(order+1)&1 != 0)
}

func (f *frame) compare(l, r val, at *node) (order int, ok bool) {
	switch {
	case l.kind == nullKind || r.kind == nullKind:
		return 0, false
	case l.kind == textKind && r.kind == textKind:
		return bytes.Compare(l.b, r.b), true
	case l.class() == numberClass && r.class() == numberClass:
		return f.compareNumbers(l, r, at)
	case l.kind == timeKind || r.kind == timeKind:
		a, ok := l.micros()
		b, ok2 := r.micros()
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

// compareNumbers compares two numbers; false when one of them is none.
func (f *frame) compareNumbers(l, r val, at *node) (int, bool) {
	a, ok := f.num(l)
	b, ok2 := f.num(r)
	if ok && ok2 {
		if (a.Big != nil || b.Big != nil) && !f.spend(decimal.Cost(a, b)) {
			return 0, false
		}
		return decimal.Compare(a, b), true
	}
	l, r = f.asNumber(l, at), f.asNumber(r, at)
	if l.kind == failed || r.kind == failed {
		return 0, false
	}
	return decimal.CompareFloats(f.float(l), f.float(r)), true
}
