package expr

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr/decimal"
	"github.com/tailrace/tailrace/transform/expr/eval"
)

// order compiles < <= > and >=. A comparison with null is false.
func (c *rowCompiler) order(x *hclsyntax.BinaryOpExpr) *eval.Node {
	left, right := c.compile(x.LHS), c.compile(x.RHS)
	if left == nil || right == nil || !c.comparable(left, right) && !c.swapped(left, right) {
		return nil
	}
	for _, n := range []*eval.Node{left, right} {
		if !c.ordered(n) {
			return nil
		}
	}
	if right, left = c.asTime(right, left), c.asTime(left, right); left == nil || right == nil {
		return nil
	}
	if isNullConstant(left) || isNullConstant(right) {
		return eval.Constant(eval.Bool(false), x.SrcRange)
	}
	n := &eval.Node{At: x.SrcRange, Type: eval.BoolType}
	n.Eval = orderEval(left, right, accepts(x.Op))
	n.Tests = orderTest(n, left, right, accepts(x.Op))
	return c.fold(n, left, right)
}

// swapped accepts a constant text on the left of a time.
func (c *rowCompiler) swapped(left, right *eval.Node) bool {
	if right.Type.Class != eval.TimeClass || left.Type.Class != eval.TextClass || !left.IsConstant() {
		return false
	}
	c.diags = c.diags[:len(c.diags)-1]
	return true
}

func isNullConstant(n *eval.Node) bool { return n.IsConstant() && n.Value.Kind == eval.NullKind }

// ordered reports an operand whose values have no order.
func (c *rowCompiler) ordered(n *eval.Node) bool {
	switch {
	case n.Type.Class == eval.BoolClass, n.Type.Class == eval.ListClass, n.Type.Class == eval.ObjectClass:
		c.fail(n.At, fmt.Sprintf("%s has no order", n.Type.Class), n.Sentence()+". Compare it with == or !=.")
		return false
	case n.Type.Opaque():
		c.fail(n.At, fmt.Sprintf("the texts of type %s have no useful order", n.Type.Postgres), n.Sentence()+". Compare it with == or !=.")
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

func orderEval(left, right *eval.Node, accepted uint8) func(*eval.Frame) eval.Value {
	numbers := left.Type.Class == eval.NumberClass && right.Type.Class == eval.NumberClass && right.IsConstant() && right.Value.Kind == eval.NumberKind
	if limit, ok := eval.Scratch(0).Decimal(right.Value); numbers && ok {
		if left.Column != nil {
			return columnOrder(left, right, limit, accepted)
		}
		return func(f *eval.Frame) eval.Value {
			l := left.Eval(f)
			if l.Kind == eval.NumberKind && l.Bytes != nil && len(l.Bytes) <= 20 {
				if n, ok := decimal.Parse(l.Bytes); ok && n.Big == nil {
					return eval.Bool(accepted>>(decimal.Compare(n, limit)+1)&1 != 0)
				}
			}
			return f.Ordered(l, right.Value, right, accepted)
		}
	}
	return func(f *eval.Frame) eval.Value {
		l := left.Eval(f)
		if l.Kind == eval.Failed {
			return l
		}
		return f.Ordered(l, right.Eval(f), right, accepted)
	}
}

// orderTest returns the test that compares a column, which is an exact number, with a constant; nil for any other comparison.
func orderTest(n, left, right *eval.Node, accepted uint8) []eval.Test {
	if left.Column == nil || left.Type.Class != eval.NumberClass || left.Type.Postgres.Kind == capture.KindFloat || !right.IsConstant() ||
		right.Value.Kind != eval.NumberKind {
		return nil
	}
	limit, ok := eval.Scratch(0).Decimal(right.Value)
	if !ok {
		return nil
	}
	if t, ok := eval.OrderTest(n, left.Column, limit, accepted); ok {
		return []eval.Test{t}
	}
	return nil
}

// columnOrder compares a column with a constant number, a frequent condition.
func columnOrder(left, right *eval.Node, limit decimal.Number, accepted uint8) func(*eval.Frame) eval.Value {
	source, index, slot, load := left.Column.Source, left.Column.Index, left.ItemSlot, left.Eval
	exact := left.Type.Postgres.Kind != capture.KindFloat
	return func(f *eval.Frame) eval.Value {
		v := f.ColumnValue(source, slot, index)
		if exact && v.Kind == capture.Text && len(v.Bytes) <= 20 {
			if n, ok := decimal.Parse(v.Bytes); ok && n.Big == nil {
				return eval.Bool(accepted>>(decimal.Compare(n, limit)+1)&1 != 0)
			}
		}
		return f.Ordered(load(f), right.Value, right, accepted)
	}
}
