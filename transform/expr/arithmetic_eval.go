package expr

import (
	"fmt"
	"math"

	"github.com/tailrace/tailrace/transform/expr/decimal"
)

// operator is an operator of arithmetic.
type operator byte

// calculate returns the result of an operator on two numbers: exact unless one of them is a float.
func (f *frame) calculate(op operator, l, r val, at *node) val {
	fl := (l.flags | r.flags) & quoted
	if l.kind == floatKind || r.kind == floatKind {
		x := f.calculateFloats(op, l, r, at)
		x.flags = fl
		return x
	}
	a, _ := f.num(l)
	b, _ := f.num(r)
	if !f.spend(decimal.Cost(a, b)) {
		return val{kind: failed}
	}
	var n decimal.Number
	switch op {
	case '+':
		n = decimal.Add(a, b)
	case '-':
		n = decimal.Add(a, b.Negated())
	case '*':
		n = decimal.Mul(a, b)
	default:
		if b.Sign() == 0 {
			return f.fail(at.at, "division by zero")
		}
		if op == '/' {
			n = decimal.Quo(a, b)
		} else {
			n = decimal.Rem(a, b)
		}
	}
	return f.result(n, fl, at)
}

// result returns a number, unless it is too large.
func (f *frame) result(n decimal.Number, fl flags, at *node) val {
	if n.TooLarge() {
		return f.fail(at.at, fmt.Sprintf("the result has more than %d digits", decimal.MaxDigits))
	}
	if n.Big != nil && !f.take(n.Big.BitLen()/8) {
		return val{kind: failed}
	}
	return numVal(n, fl)
}

func (f *frame) calculateFloats(op operator, l, r val, at *node) val {
	a, b := f.float(l), f.float(r)
	switch op {
	case '+':
		return floatVal(a + b)
	case '-':
		return floatVal(a - b)
	case '*':
		return floatVal(a * b)
	case '/':
		if b == 0 {
			return f.fail(at.at, "division by zero")
		}
		return floatVal(a / b)
	}
	if b == 0 {
		return f.fail(at.at, "division by zero")
	}
	return floatVal(math.Mod(a, b))
}
