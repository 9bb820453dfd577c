package eval

import (
	"fmt"
	"math"

	"github.com/tailrace/tailrace/transform/expr/decimal"
)

// Operator is an operator of arithmetic.
type Operator byte

// Calculate returns the result of an operator on two numbers: exact unless one of them is a float.
func (f *Frame) Calculate(op Operator, l, r Value, at *Node) Value {
	fl := (l.Flags | r.Flags) & Quoted
	if l.Kind == FloatKind || r.Kind == FloatKind {
		x := f.calculateFloats(op, l, r, at)
		x.Flags = fl
		return x
	}
	a, _ := f.Decimal(l)
	b, _ := f.Decimal(r)
	if !f.Spend(decimal.Cost(a, b)) {
		return Value{Kind: Failed}
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
			return f.Fail(at.At, "division by zero")
		}
		if op == '/' {
			n = decimal.Quo(a, b)
		} else {
			n = decimal.Rem(a, b)
		}
	}
	return f.Result(n, fl, at)
}

// Result returns a number, unless it is too large.
func (f *Frame) Result(n decimal.Number, fl Flags, at *Node) Value {
	if n.TooLarge() {
		return f.Fail(at.At, fmt.Sprintf("the result has more than %d digits", decimal.MaxDigits))
	}
	if n.Big != nil && !f.Take(n.Big.BitLen()/8) {
		return Value{Kind: Failed}
	}
	return Number(n, fl)
}

func (f *Frame) calculateFloats(op Operator, l, r Value, at *Node) Value {
	a, b := f.Float(l), f.Float(r)
	switch op {
	case '+':
		return Float(a + b)
	case '-':
		return Float(a - b)
	case '*':
		return Float(a * b)
	case '/':
		if b == 0 {
			return f.Fail(at.At, "division by zero")
		}
		return Float(a / b)
	}
	if b == 0 {
		return f.Fail(at.At, "division by zero")
	}
	return Float(math.Mod(a, b))
}
