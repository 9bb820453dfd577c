package expr

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/transform/expr/eval"
)

// binary compiles an operator between two operands.
func (c *rowCompiler) binary(x *hclsyntax.BinaryOpExpr) *eval.Node {
	switch x.Op {
	case hclsyntax.OpLogicalAnd:
		return c.logic(x, false)
	case hclsyntax.OpLogicalOr:
		return c.logic(x, true)
	case hclsyntax.OpEqual, hclsyntax.OpNotEqual:
		return c.equality(x)
	case hclsyntax.OpLessThan, hclsyntax.OpLessThanOrEqual, hclsyntax.OpGreaterThan, hclsyntax.OpGreaterThanOrEqual:
		return c.order(x)
	}
	return c.arithmetic(x)
}

// logic compiles && and ||. An operand that decides alone makes the other one void, also when it comes first and the log does not
// carry its value: the result does not depend on it.
func (c *rowCompiler) logic(x *hclsyntax.BinaryOpExpr, decides bool) *eval.Node {
	before := len(c.diags)
	left := c.condition(x.LHS)
	if left != nil && left.IsConstant() && left.Value.Kind == eval.BoolKind && left.Value.IsTrue() == decides {
		return eval.Constant(eval.Bool(decides), x.SrcRange)
	}
	right := c.condition(x.RHS)
	if right != nil && right.IsConstant() && right.Value.Kind == eval.BoolKind && right.Value.IsTrue() == decides {
		if c.dropLost(before); len(c.diags) > before {
			return nil
		}
		return eval.Constant(eval.Bool(decides), x.SrcRange)
	}
	switch {
	case left == nil || right == nil:
		return nil
	case left.IsConstant() && left.Value.Kind == eval.BoolKind:
		return right
	case right.IsConstant() && right.Value.Kind == eval.BoolKind && left.Type.Class == eval.BoolClass:
		return left
	}
	n := &eval.Node{At: x.SrcRange, Type: eval.BoolType, Eval: andEval(left, right)}
	if decides {
		n.Eval = orEval(left, right)
	} else {
		n.All = []*eval.Node{left, right}
		if len(left.Tests) > 0 && len(right.Tests) > 0 {
			n.Tests = slices.Concat(left.Tests, right.Tests)
		}
	}
	return c.fold(n, left, right)
}

// condition compiles an operand that is true or false.
func (c *rowCompiler) condition(x hclsyntax.Expression) *eval.Node {
	n := c.compile(x)
	if n == nil || !c.boolean(n) {
		return nil
	}
	if n.Column != nil && n.Type.Class == eval.BoolClass && n.Column.Source == eval.OfRow && n.Column.Index >= 0 {
		n.Requires = &eval.Equality{Column: n.Column.Index, Text: "t"}
	}
	return n
}

// andEval is the "and" of SQL: null unless an operand is false.
func andEval(left, right *eval.Node) func(*eval.Frame) eval.Value {
	evalLeft, evalRight := left.Eval, right.Eval
	return func(f *eval.Frame) eval.Value {
		l := evalLeft(f)
		if l.Kind != eval.BoolKind {
			if l = f.Bool(l, left); l.Kind == eval.Failed {
				return l
			}
		}
		if l.Kind == eval.BoolKind && l.Int == 0 {
			return l
		}
		r := evalRight(f)
		if r.Kind != eval.BoolKind {
			r = f.Bool(r, right)
		}
		if l.Kind == eval.NullKind && r.IsTrue() {
			return l
		}
		return r
	}
}

// orEval is the "or" of SQL: null unless an operand is true.
func orEval(left, right *eval.Node) func(*eval.Frame) eval.Value {
	return func(f *eval.Frame) eval.Value {
		l := f.Bool(left.Eval(f), left)
		if l.Kind == eval.Failed || l.IsTrue() {
			return l
		}
		r := f.Bool(right.Eval(f), right)
		if l.Kind == eval.NullKind && r.Kind == eval.BoolKind && r.Int == 0 {
			return l
		}
		return r
	}
}

// unary compiles ! and -.
func (c *rowCompiler) unary(x *hclsyntax.UnaryOpExpr) *eval.Node {
	if x.Op == hclsyntax.OpNegate {
		return c.negation(x)
	}
	v := c.compile(x.Val)
	if v == nil || !c.boolean(v) {
		return nil
	}
	n := &eval.Node{At: x.SrcRange, Type: eval.BoolType, Eval: func(f *eval.Frame) eval.Value {
		b := f.Bool(v.Eval(f), v)
		if b.Kind != eval.BoolKind {
			return b
		}
		return eval.Bool(b.Int == 0)
	}}
	if v.Column != nil && v.Column.Source == eval.OfRow && v.Column.Index >= 0 && v.Type.Class == eval.BoolClass {
		n.Requires = &eval.Equality{Column: v.Column.Index, Text: "f"}
	}
	return c.fold(n, v)
}

// conditional compiles a ? b : c. A null condition chooses the second.
func (c *rowCompiler) conditional(x *hclsyntax.ConditionalExpr) *eval.Node {
	cond := c.compile(x.Condition)
	if cond == nil || !c.boolean(cond) {
		return nil
	}
	if cond.IsConstant() {
		if cond.Value.IsTrue() {
			return c.compile(x.TrueResult)
		}
		return c.compile(x.FalseResult)
	}
	yes, no := c.compile(x.TrueResult), c.compile(x.FalseResult)
	if yes == nil || no == nil || !c.alike(yes, no, x.FalseResult.Range()) {
		return nil
	}
	choose := func(f *eval.Frame) *eval.Node {
		if f.Bool(cond.Eval(f), cond).IsTrue() {
			return yes
		}
		return no
	}
	n := &eval.Node{At: x.SrcRange, Type: eval.Unify(yes.Type, no.Type)}
	n.Eval = func(f *eval.Frame) eval.Value {
		if chosen := choose(f); f.Err == nil {
			return chosen.Eval(f)
		}
		return eval.Value{Kind: eval.Failed}
	}
	n.EvalJSON = func(f *eval.Frame, dst []byte) []byte {
		if chosen := choose(f); f.Err == nil {
			return chosen.AppendJSON(f, dst)
		}
		return dst
	}
	n.EvalText = func(f *eval.Frame, dst []byte) ([]byte, bool) {
		if chosen := choose(f); f.Err == nil {
			return chosen.AppendText(f, dst)
		}
		return dst, false
	}
	return c.fold(n, cond, yes, no)
}

// alike reports results of a conditional that no value could be both of.
func (c *rowCompiler) alike(yes, no *eval.Node, at hcl.Range) bool {
	a, b := yes.Type.Class, no.Type.Class
	collection := func(k eval.Class) bool { return k == eval.ListClass || k == eval.ObjectClass }
	if a == eval.AnyClass || b == eval.AnyClass || a == eval.NullClass || b == eval.NullClass || collection(a) == collection(b) {
		return true
	}
	c.fail(at, "the two results of this condition have different types", fmt.Sprintf("One is %s, the other %s.", yes.Type.Describe(), no.Type.Describe()))
	return false
}
