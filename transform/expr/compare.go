package expr

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr/eval"
)

// equality compiles == and !=.
func (c *rowCompiler) equality(x *hclsyntax.BinaryOpExpr) *eval.Node {
	left, right := c.operand(x.LHS), c.operand(x.RHS)
	if left == nil || right == nil {
		return nil
	}
	if left.IsConstant() && !right.IsConstant() {
		left, right = right, left
	}
	negate := x.Op == hclsyntax.OpNotEqual
	if right.IsConstant() && right.Value.Kind == eval.NullKind && right.Type.Class == eval.NullClass {
		return c.isNull(x, left, negate)
	}
	if n := c.equalsText(x, left, right, negate); n != nil {
		return n
	}
	if !c.present(left) || !c.present(right) || !c.comparable(left, right) {
		return nil
	}
	if right = c.asTime(right, left); right == nil {
		return nil
	}
	n := &eval.Node{At: x.SrcRange, Type: eval.BoolType}
	if never := c.neverEqual(left, right); never {
		return eval.Constant(eval.Bool(negate), x.SrcRange)
	}
	n.Eval = equalEval(left, right, negate)
	n.Requires = requirement(left, right, negate)
	return c.fold(n, left, right)
}

// isNull compiles == null and != null, which need no value: one that is not in the log is not null.
func (c *rowCompiler) isNull(x *hclsyntax.BinaryOpExpr, v *eval.Node, negate bool) *eval.Node {
	n := &eval.Node{At: x.SrcRange, Type: eval.BoolType}
	if col := v.Column; col != nil {
		source, index, slot := col.Source, col.Index, v.ItemSlot
		n.Eval = func(f *eval.Frame) eval.Value {
			switch cell := f.ColumnValue(source, slot, index); cell.Kind {
			case capture.Absent:
				return f.Missing(cell, col)
			case capture.Text:
				if v.Type.Class == eval.AnyClass { // json may be null itself
					return eval.Bool((string(bytes.TrimSpace(cell.Bytes)) == "null") != negate)
				}
				return eval.Bool(negate)
			default:
				return eval.Bool((cell.Kind == capture.Null) != negate)
			}
		}
		return c.fold(n, v)
	}
	n.Eval = func(f *eval.Frame) eval.Value {
		r := v.Eval(f)
		if r.Kind == eval.Failed {
			return r
		}
		return eval.Bool((r.Kind == eval.NullKind) != negate)
	}
	return c.fold(n, v)
}

// equalsText compiles the comparison of a text column with a constant text, the most frequent condition. A short one is also known
// for a value that an update left unchanged out of line. It returns nil for any other comparison.
func (c *rowCompiler) equalsText(x *hclsyntax.BinaryOpExpr, left, right *eval.Node, negate bool) *eval.Node {
	col := left.Column
	if col == nil || left.Type.Class != eval.TextClass || left.Type.Opaque() || left.Type.Padded() || !right.IsConstant() || right.Value.Kind != eval.TextKind {
		return nil
	}
	if kind, _ := left.Type.Kind(); kind != capture.KindText {
		return nil
	}
	text := string(right.Value.Bytes)
	if col.Unchanged && (!left.Type.Varlena() || len(text) > maxInline) {
		return nil
	}
	source, index, slot, unchanged := col.Source, col.Index, left.ItemSlot, col.Unchanged
	n := &eval.Node{At: x.SrcRange, Type: eval.BoolType, Level: left.Level, Checks: left.Checks, Requires: requirement(left, right, negate)}
	n.Eval = func(f *eval.Frame) eval.Value {
		v := f.ColumnValue(source, slot, index)
		switch {
		case v.Kind == capture.Text:
			return eval.Bool((string(v.Bytes) == text) != negate)
		case v.Kind == capture.Null, unchanged && v.Kind == capture.Unchanged:
			return eval.Bool(negate)
		}
		return f.Missing(v, col)
	}
	if t, ok := eval.TextTest(n, col, text, negate); ok {
		n.Tests = []eval.Test{t}
	}
	return n
}

// comparable reports operands that have no values in common.
func (c *rowCompiler) comparable(left, right *eval.Node) bool {
	a, b := left.Type, right.Type
	switch {
	case a.Class == eval.AnyClass || b.Class == eval.AnyClass || a.Class == eval.NullClass || b.Class == eval.NullClass || a.Nested || b.Nested:
	case a.Class == b.Class:
	case a.Class == eval.TimeClass && b.Class == eval.TextClass && right.IsConstant():
	default:
		c.fail(right.At, fmt.Sprintf("this compares %s with %s", a.Class, b.Class), comparisonHint(left, right))
		return false
	}
	if left.Name == "op" && right.IsConstant() && right.Value.Kind == eval.TextKind {
		return c.knownOp(right)
	}
	return true
}

func comparisonHint(left, right *eval.Node) string {
	hint := left.Sentence() + ", " + right.Describe() + "."
	l, r := left.Type.Class, right.Type.Class
	switch {
	case l == eval.NumberClass && r == eval.TextClass && right.IsConstant():
		return hint + " Write the number without quotes."
	case l == eval.TextClass && r == eval.NumberClass && right.IsConstant():
		return hint + fmt.Sprintf(" Write the text in quotes: \"%s\".", eval.AppendJSON(eval.Scratch(0), nil, right.Value))
	case l == eval.TextClass && r == eval.NumberClass || l == eval.NumberClass && r == eval.TextClass:
		return hint + " Convert one: tonumber(...) or tostring(...)."
	case l == eval.BoolClass && r == eval.TextClass && right.IsConstant():
		return hint + " Write true or false without quotes."
	case l == eval.TimeClass || r == eval.TimeClass:
		return hint + ` Compare a time with a time, or with a text such as "2026-01-31T10:00:00Z".`
	}
	return hint
}

// knownOp reports a comparison of op with what is no operation.
func (c *rowCompiler) knownOp(n *eval.Node) bool {
	ops := []string{"insert", "update", "delete", "truncate", "read", "message"}
	given := string(n.Value.Bytes)
	if slices.Contains(ops, given) {
		return true
	}
	detail := config.Suggest(given, slices.Clone(ops))
	if detail == "" {
		detail = "op is " + strings.Join(ops, ", ") + "."
	}
	c.fail(n.At, fmt.Sprintf("there is no operation %q", given), detail)
	return false
}

// asTime reads a constant text that is compared with a time.
func (c *rowCompiler) asTime(n, other *eval.Node) *eval.Node {
	if other.Type.Class != eval.TimeClass || !n.IsConstant() || n.Value.Kind != eval.TextKind {
		return n
	}
	micros, ok := n.Value.Micros()
	if !ok {
		return c.fail(n.At, "this is not a time", `Write a text such as "2026-01-31", "2026-01-31T10:00:00Z" or "infinity".`)
	}
	return eval.Constant(eval.Value{Kind: eval.TimeKind, Int: micros}, n.At)
}

// neverEqual reports whether a column can never have a constant value: an integer a fraction.
func (c *rowCompiler) neverEqual(left, right *eval.Node) bool {
	kind, ok := left.Type.Kind()
	if !ok || kind != capture.KindInt || left.Column == nil || !right.IsConstant() {
		return false
	}
	n, ok := eval.Scratch(0).Decimal(right.Value)
	return ok && n.Trimmed(0).Scale > 0
}

// requirement returns what must be the text of a column for the values to be equal; nil where more than one text is equal.
func requirement(left, right *eval.Node, negate bool) *eval.Equality {
	col := left.Column
	if negate || col == nil || col.Source != eval.OfRow || col.Index < 0 || !right.IsConstant() {
		return nil
	}
	kind, _ := left.Type.Kind()
	switch {
	case kind == capture.KindText && right.Value.Kind == eval.TextKind && !left.Type.Padded():
		return &eval.Equality{Column: col.Index, Text: string(right.Value.Bytes)}
	case kind == capture.KindInt && right.Value.Kind == eval.NumberKind:
		n, ok := eval.Scratch(0).Decimal(right.Value)
		if n = n.Trimmed(0); ok && n.Scale == 0 {
			return &eval.Equality{Column: col.Index, Text: string(n.Append(nil))}
		}
	case kind == capture.KindBool && right.Value.Kind == eval.BoolKind:
		return &eval.Equality{Column: col.Index, Text: map[bool]string{true: "t", false: "f"}[right.Value.IsTrue()]}
	}
	return nil
}

// equalEval compares by the types of the operands where they are known.
func equalEval(left, right *eval.Node, negate bool) func(*eval.Frame) eval.Value {
	padded := left.Type.Padded() || right.Type.Padded()
	at := right
	return func(f *eval.Frame) eval.Value {
		l, r := left.Eval(f), right.Eval(f)
		if l.Kind == eval.Failed || r.Kind == eval.Failed {
			return eval.Value{Kind: eval.Failed}
		}
		if padded && l.Kind == eval.TextKind && r.Kind == eval.TextKind {
			return eval.Bool((string(bytes.TrimRight(l.Bytes, " ")) == string(bytes.TrimRight(r.Bytes, " "))) != negate)
		}
		same := f.Equal(l, r, at, 0)
		if f.Err != nil {
			return eval.Value{Kind: eval.Failed}
		}
		return eval.Bool(same != negate)
	}
}
