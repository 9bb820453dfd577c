package expr

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

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
