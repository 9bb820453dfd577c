package expr

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr/decimal"
)

// order compiles < <= > and >=. A comparison with null is false.
func (c *rowCompiler) order(x *hclsyntax.BinaryOpExpr) *node {
	left, right := c.compile(x.LHS), c.compile(x.RHS)
	if left == nil || right == nil || !c.comparable(left, right) && !c.swapped(left, right) {
		return nil
	}
	for _, n := range []*node{left, right} {
		if !c.ordered(n) {
			return nil
		}
	}
	if right, left = c.asTime(right, left), c.asTime(left, right); left == nil || right == nil {
		return nil
	}
	if isNullConstant(left) || isNullConstant(right) {
		return constant(boolVal(false), x.SrcRange)
	}
	n := &node{at: x.SrcRange, typ: boolType}
	n.eval = orderEval(left, right, accepts(x.Op))
	return c.fold(n, left, right)
}

// swapped accepts a constant text on the left of a time.
func (c *rowCompiler) swapped(left, right *node) bool {
	if right.typ.class != timeClass || left.typ.class != textClass || !left.constant() {
		return false
	}
	c.diags = c.diags[:len(c.diags)-1]
	return true
}

func isNullConstant(n *node) bool { return n.constant() && n.value.kind == nullKind }

// ordered reports an operand whose values have no order.
func (c *rowCompiler) ordered(n *node) bool {
	switch {
	case n.typ.class == boolClass, n.typ.class == listClass, n.typ.class == objectClass:
		c.fail(n.at, fmt.Sprintf("%s has no order", n.typ.class), sentence(nameOf(n))+". Compare it with == or !=.")
		return false
	case n.typ.opaque():
		c.fail(n.at, fmt.Sprintf("the texts of type %s have no useful order", n.typ.pg), sentence(nameOf(n))+". Compare it with == or !=.")
		return false
	}
	return true
}

// accepts returns which results of a comparison an operator accepts: bit 0 less, bit 1 equal, bit 2 greater.
func accepts(op *hclsyntax.Operation) uint8 {
	switch op {
	case hclsyntax.OpLessThan:
		return 1
	case hclsyntax.OpLessThanOrEqual:
		return 3
	case hclsyntax.OpGreaterThan:
		return 4
	}
	return 6
}

func orderEval(left, right *node, accepted uint8) func(*frame) val {
	numbers := left.typ.class == numberClass && right.typ.class == numberClass && right.constant() && right.value.kind == numKind
	if limit, ok := scratch().num(right.value); numbers && ok {
		if left.column != nil {
			return columnOrder(left, right, limit, accepted)
		}
		return func(f *frame) val {
			l := left.eval(f)
			if l.kind == numKind && l.b != nil && len(l.b) <= 20 {
				if n, ok := decimal.Parse(l.b); ok && n.Big == nil {
					return boolVal(accepted>>(decimal.Compare(n, limit)+1)&1 != 0)
				}
			}
			return f.ordered(l, right.value, right, accepted)
		}
	}
	return func(f *frame) val {
		l := left.eval(f)
		if l.kind == failed {
			return l
		}
		return f.ordered(l, right.eval(f), right, accepted)
	}
}

// columnOrder compares a column with a constant number, a frequent condition.
func columnOrder(left, right *node, limit decimal.Number, accepted uint8) func(*frame) val {
	source, index, slot, load := left.column.source, left.column.index, left.itemSlot, left.eval
	exact := left.typ.pg.Kind != capture.KindFloat
	return func(f *frame) val {
		v := f.columnValue(source, slot, index)
		if exact && v.Kind == capture.Text && len(v.Bytes) <= 20 {
			if n, ok := decimal.Parse(v.Bytes); ok && n.Big == nil {
				return boolVal(accepted>>(decimal.Compare(n, limit)+1)&1 != 0)
			}
		}
		return f.ordered(load(f), right.value, right, accepted)
	}
}
