package expr

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// binary compiles an operator between two operands.
func (c *rowCompiler) binary(x *hclsyntax.BinaryOpExpr) *node {
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
func (c *rowCompiler) logic(x *hclsyntax.BinaryOpExpr, decides bool) *node {
	before := len(c.diags)
	left := c.condition(x.LHS)
	if left != nil && left.constant() && left.value.kind == boolKind && left.value.isTrue() == decides {
		return constant(boolVal(decides), x.SrcRange)
	}
	right := c.condition(x.RHS)
	if right != nil && right.constant() && right.value.kind == boolKind && right.value.isTrue() == decides {
		if c.dropLost(before); len(c.diags) > before {
			return nil
		}
		return constant(boolVal(decides), x.SrcRange)
	}
	switch {
	case left == nil || right == nil:
		return nil
	case left.constant() && left.value.kind == boolKind:
		return right
	case right.constant() && right.value.kind == boolKind && left.typ.class == boolClass:
		return left
	}
	n := &node{at: x.SrcRange, typ: boolType, eval: andEval(left, right)}
	if decides {
		n.eval = orEval(left, right)
	} else {
		n.all = []*node{left, right}
	}
	return c.fold(n, left, right)
}

// condition compiles an operand that is true or false.
func (c *rowCompiler) condition(x hclsyntax.Expression) *node {
	n := c.compile(x)
	if n == nil || !c.boolean(n) {
		return nil
	}
	if n.column != nil && n.typ.class == boolClass && n.column.source == ofRow && n.column.index >= 0 {
		n.requires = &Equality{n.column.index, "t"}
	}
	return n
}

// andEval is the "and" of SQL: null unless an operand is false.
func andEval(left, right *node) func(*frame) val {
	return func(f *frame) val {
		l := left.eval(f)
		if l.kind != boolKind {
			if l = f.asBool(l, left); l.kind == failed {
				return l
			}
		}
		if l.kind == boolKind && l.i == 0 {
			return l
		}
		r := right.eval(f)
		if r.kind != boolKind {
			r = f.asBool(r, right)
		}
		if l.kind == nullKind && r.isTrue() {
			return l
		}
		return r
	}
}

// orEval is the "or" of SQL: null unless an operand is true.
func orEval(left, right *node) func(*frame) val {
	return func(f *frame) val {
		l := f.asBool(left.eval(f), left)
		if l.kind == failed || l.isTrue() {
			return l
		}
		r := f.asBool(right.eval(f), right)
		if l.kind == nullKind && r.kind == boolKind && r.i == 0 {
			return l
		}
		return r
	}
}

// unary compiles ! and -.
func (c *rowCompiler) unary(x *hclsyntax.UnaryOpExpr) *node {
	if x.Op == hclsyntax.OpNegate {
		return c.negation(x)
	}
	v := c.compile(x.Val)
	if v == nil || !c.boolean(v) {
		return nil
	}
	n := &node{at: x.SrcRange, typ: boolType, eval: func(f *frame) val {
		b := f.asBool(v.eval(f), v)
		if b.kind != boolKind {
			return b
		}
		return boolVal(b.i == 0)
	}}
	if v.column != nil && v.column.source == ofRow && v.column.index >= 0 && v.typ.class == boolClass {
		n.requires = &Equality{v.column.index, "f"}
	}
	return c.fold(n, v)
}

// conditional compiles a ? b : c. A null condition chooses the second.
func (c *rowCompiler) conditional(x *hclsyntax.ConditionalExpr) *node {
	cond := c.compile(x.Condition)
	if cond == nil || !c.boolean(cond) {
		return nil
	}
	if cond.constant() {
		if cond.value.isTrue() {
			return c.compile(x.TrueResult)
		}
		return c.compile(x.FalseResult)
	}
	yes, no := c.compile(x.TrueResult), c.compile(x.FalseResult)
	if yes == nil || no == nil || !c.alike(yes, no, x.FalseResult.Range()) {
		return nil
	}
	choose := func(f *frame) *node {
		if f.asBool(cond.eval(f), cond).isTrue() {
			return yes
		}
		return no
	}
	n := &node{at: x.SrcRange, typ: unify(yes.typ, no.typ)}
	n.eval = func(f *frame) val {
		if chosen := choose(f); f.err == nil {
			return chosen.eval(f)
		}
		return val{kind: failed}
	}
	n.json = func(f *frame, dst []byte) []byte {
		if chosen := choose(f); f.err == nil {
			return chosen.appendJSON(f, dst)
		}
		return dst
	}
	n.text = func(f *frame, dst []byte) ([]byte, bool) {
		if chosen := choose(f); f.err == nil {
			return chosen.appendText(f, dst)
		}
		return dst, false
	}
	return c.fold(n, cond, yes, no)
}

// alike reports results of a conditional that no value could be both of.
func (c *rowCompiler) alike(yes, no *node, at hcl.Range) bool {
	a, b := yes.typ.class, no.typ.class
	collection := func(k class) bool { return k == listClass || k == objectClass }
	if a == anyClass || b == anyClass || a == nullClass || b == nullClass || collection(a) == collection(b) {
		return true
	}
	c.fail(at, "the two results of this condition have different types", fmt.Sprintf("One is %s, the other %s.", yes.typ.describe(), no.typ.describe()))
	return false
}
