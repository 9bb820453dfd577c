package expr

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/transform/expr/eval"
)

var operators = map[*hclsyntax.Operation]eval.Operator{
	hclsyntax.OpAdd: '+', hclsyntax.OpSubtract: '-', hclsyntax.OpMultiply: '*', hclsyntax.OpDivide: '/', hclsyntax.OpModulo: '%',
}

// arithmetic compiles + - * / and %. With null, the result is null.
func (c *rowCompiler) arithmetic(x *hclsyntax.BinaryOpExpr) *eval.Node {
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
	if (op == '/' || op == '%') && right.IsConstant() {
		if n, ok := eval.Scratch(0).Decimal(right.Value); ok && n.Sign() == 0 {
			return c.fail(right.At, "division by zero", "")
		}
	}
	n := &eval.Node{At: x.SrcRange, Type: eval.NumberType}
	n.Eval = func(f *eval.Frame) eval.Value {
		l, r := f.Number(left.Eval(f), left), f.Number(right.Eval(f), right)
		if l.Kind == eval.NullKind || l.Kind == eval.Failed {
			return l
		}
		if r.Kind == eval.NullKind || r.Kind == eval.Failed {
			return r
		}
		return f.Calculate(op, l, r, right)
	}
	return c.fold(n, left, right)
}

// isNumber reports an operand that is no number.
func (c *rowCompiler) isNumber(n *eval.Node, op eval.Operator) bool {
	switch n.Type.Class {
	case eval.AnyClass, eval.NullClass, eval.NumberClass:
		return true
	case eval.TextClass:
		if op == '+' && n.Type.Postgres == nil || n.IsConstant() {
			c.fail(n.At, "arithmetic needs numbers", n.Sentence()+`. Texts are joined in a template: "${a}${b}".`)
			return false
		}
		c.fail(n.At, "arithmetic needs numbers", n.Sentence()+". Convert it with tonumber(...); texts are joined in a template: \"${a}${b}\".")
		return false
	case eval.TimeClass:
		c.fail(n.At, "arithmetic needs numbers", n.Sentence()+`. Add a duration with timeadd(time, "1h").`)
		return false
	}
	c.fail(n.At, "arithmetic needs numbers", n.Sentence()+".")
	return false
}

// negation compiles the unary minus.
func (c *rowCompiler) negation(x *hclsyntax.UnaryOpExpr) *eval.Node {
	v := c.compile(x.Val)
	if v == nil || !c.isNumber(v, '-') {
		return nil
	}
	n := &eval.Node{At: x.SrcRange, Type: eval.NumberType, Eval: func(f *eval.Frame) eval.Value {
		r := f.Number(v.Eval(f), v)
		switch r.Kind {
		case eval.FloatKind:
			x := eval.Float(-f.Float(r))
			x.Flags = r.Flags
			return x
		case eval.NumberKind:
			a, _ := f.Decimal(r)
			return eval.Number(a.Negated(), r.Flags)
		}
		return r
	}}
	return c.fold(n, v)
}
