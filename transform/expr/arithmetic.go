package expr

import (
	"fmt"
	"math"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/transform/expr/decimal"
)

// operator is an operator of arithmetic.
type operator byte

var operators = map[*hclsyntax.Operation]operator{
	hclsyntax.OpAdd: '+', hclsyntax.OpSubtract: '-', hclsyntax.OpMultiply: '*', hclsyntax.OpDivide: '/', hclsyntax.OpModulo: '%',
}

// arithmetic compiles + - * / and %. With null, the result is null.
func (c *rowCompiler) arithmetic(x *hclsyntax.BinaryOpExpr) *node {
	op, ok := operators[x.Op]
	if !ok {
		return c.fail(x.SrcRange, "this operator is not supported in an expression over a row", "")
	}
	left, right := c.compile(x.LHS), c.compile(x.RHS)
	if left == nil || right == nil {
		return nil
	}
	if a, b := c.isNumber(left, op), c.isNumber(right, op); !a || !b {
		return nil
	}
	if (op == '/' || op == '%') && right.constant() {
		if n, ok := scratch().num(right.value); ok && n.Sign() == 0 {
			return c.fail(right.at, "division by zero", "")
		}
	}
	n := &node{at: x.SrcRange, typ: numberType}
	n.eval = func(f *frame) val {
		l, r := f.asNumber(left.eval(f), left), f.asNumber(right.eval(f), right)
		if l.kind == nullKind || l.kind == failed {
			return l
		}
		if r.kind == nullKind || r.kind == failed {
			return r
		}
		return f.calculate(op, l, r, right)
	}
	return c.fold(n, left, right)
}

// isNumber reports an operand that is no number.
func (c *rowCompiler) isNumber(n *node, op operator) bool {
	switch n.typ.class {
	case anyClass, nullClass, numberClass:
		return true
	case textClass:
		if op == '+' && n.typ.pg == nil || n.constant() {
			c.fail(n.at, "arithmetic needs numbers", sentence(nameOf(n))+`. Texts are joined in a template: "${a}${b}".`)
			return false
		}
		c.fail(n.at, "arithmetic needs numbers", sentence(nameOf(n))+". Convert it with tonumber(...); texts are joined in a template: \"${a}${b}\".")
		return false
	case timeClass:
		c.fail(n.at, "arithmetic needs numbers", sentence(nameOf(n))+`. Add a duration with timeadd(time, "1h").`)
		return false
	}
	c.fail(n.at, "arithmetic needs numbers", sentence(nameOf(n))+".")
	return false
}

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

// negation compiles the unary minus.
func (c *rowCompiler) negation(x *hclsyntax.UnaryOpExpr) *node {
	v := c.compile(x.Val)
	if v == nil || !c.isNumber(v, '-') {
		return nil
	}
	n := &node{at: x.SrcRange, typ: numberType, eval: func(f *frame) val {
		r := f.asNumber(v.eval(f), v)
		switch r.kind {
		case floatKind:
			x := floatVal(-f.float(r))
			x.flags = r.flags
			return x
		case numKind:
			a, _ := f.num(r)
			return numVal(a.Negated(), r.flags)
		}
		return r
	}}
	return c.fold(n, v)
}
