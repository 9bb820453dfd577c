package expr

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
)

// equality compiles == and !=.
func (c *rowCompiler) equality(x *hclsyntax.BinaryOpExpr) *node {
	left, right := c.operand(x.LHS), c.operand(x.RHS)
	if left == nil || right == nil {
		return nil
	}
	if left.constant() && !right.constant() {
		left, right = right, left
	}
	negate := x.Op == hclsyntax.OpNotEqual
	if right.constant() && right.value.kind == nullKind && right.typ.class == nullClass {
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
	n := &node{at: x.SrcRange, typ: boolType}
	if never := c.neverEqual(left, right); never {
		return constant(boolVal(negate), x.SrcRange)
	}
	n.eval = equalEval(left, right, negate)
	n.requires = requirement(left, right, negate)
	return c.fold(n, left, right)
}

// isNull compiles == null and != null, which need no value: one that is not in the log is not null.
func (c *rowCompiler) isNull(x *hclsyntax.BinaryOpExpr, v *node, negate bool) *node {
	n := &node{at: x.SrcRange, typ: boolType}
	if col := v.column; col != nil {
		source, index, slot := col.source, col.index, v.itemSlot
		n.eval = func(f *frame) val {
			switch cell := f.columnValue(source, slot, index); cell.Kind {
			case capture.Absent:
				return f.missing(cell, col)
			case capture.Text:
				if v.typ.class == anyClass { // json may be null itself
					return boolVal((string(bytes.TrimSpace(cell.Bytes)) == "null") != negate)
				}
				return boolVal(negate)
			default:
				return boolVal((cell.Kind == capture.Null) != negate)
			}
		}
		return c.fold(n, v)
	}
	n.eval = func(f *frame) val {
		r := v.eval(f)
		if r.kind == failed {
			return r
		}
		return boolVal((r.kind == nullKind) != negate)
	}
	return c.fold(n, v)
}

// equalsText compiles the comparison of a text column with a constant text, the most frequent condition. A short one is also known
// for a value that an update left unchanged out of line. It returns nil for any other comparison.
func (c *rowCompiler) equalsText(x *hclsyntax.BinaryOpExpr, left, right *node, negate bool) *node {
	col := left.column
	if col == nil || left.typ.class != textClass || left.typ.opaque() || left.typ.padded() || !right.constant() || right.value.kind != textKind {
		return nil
	}
	if kind, _ := left.typ.kind(); kind != capture.KindText {
		return nil
	}
	text := string(right.value.b)
	if col.unchanged && (!left.typ.varlena() || len(text) > maxInline) {
		return nil
	}
	source, index, slot, unchanged := col.source, col.index, left.itemSlot, col.unchanged
	n := &node{at: x.SrcRange, typ: boolType, level: left.level, checks: left.checks, requires: requirement(left, right, negate)}
	n.eval = func(f *frame) val {
		v := f.columnValue(source, slot, index)
		switch {
		case v.Kind == capture.Text:
			return boolVal((string(v.Bytes) == text) != negate)
		case v.Kind == capture.Null, unchanged && v.Kind == capture.Unchanged:
			return boolVal(negate)
		}
		return f.missing(v, col)
	}
	return n
}

// comparable reports operands that have no values in common.
func (c *rowCompiler) comparable(left, right *node) bool {
	a, b := left.typ, right.typ
	switch {
	case a.class == anyClass || b.class == anyClass || a.class == nullClass || b.class == nullClass || a.nested || b.nested:
	case a.class == b.class:
	case a.class == timeClass && b.class == textClass && right.constant():
	default:
		c.fail(right.at, fmt.Sprintf("this compares %s with %s", a.class, b.class), comparisonHint(left, right))
		return false
	}
	if left.name == "op" && right.constant() && right.value.kind == textKind {
		return c.knownOp(right)
	}
	return true
}

func comparisonHint(left, right *node) string {
	hint := sentence(nameOf(left)) + ", " + nameOf(right) + "."
	l, r := left.typ.class, right.typ.class
	switch {
	case l == numberClass && r == textClass && right.constant():
		return hint + " Write the number without quotes."
	case l == textClass && r == numberClass && right.constant():
		return hint + fmt.Sprintf(" Write the text in quotes: \"%s\".", appendVal(scratch(), nil, right.value))
	case l == textClass && r == numberClass || l == numberClass && r == textClass:
		return hint + " Convert one: tonumber(...) or tostring(...)."
	case l == boolClass && r == textClass && right.constant():
		return hint + " Write true or false without quotes."
	case l == timeClass || r == timeClass:
		return hint + ` Compare a time with a time, or with a text such as "2026-01-31T10:00:00Z".`
	}
	return hint
}

// knownOp reports a comparison of op with what is no operation.
func (c *rowCompiler) knownOp(n *node) bool {
	ops := []string{"insert", "update", "delete", "truncate", "read", "message"}
	given := string(n.value.b)
	if slices.Contains(ops, given) {
		return true
	}
	detail := config.Suggest(given, slices.Clone(ops))
	if detail == "" {
		detail = "op is " + strings.Join(ops, ", ") + "."
	}
	c.fail(n.at, fmt.Sprintf("there is no operation %q", given), detail)
	return false
}

// asTime reads a constant text that is compared with a time.
func (c *rowCompiler) asTime(n, other *node) *node {
	if other.typ.class != timeClass || !n.constant() || n.value.kind != textKind {
		return n
	}
	micros, ok := n.value.micros()
	if !ok {
		return c.fail(n.at, "this is not a time", `Write a text such as "2026-01-31", "2026-01-31T10:00:00Z" or "infinity".`)
	}
	return constant(val{kind: timeKind, i: micros}, n.at)
}

// neverEqual reports whether a column can never have a constant value: an integer a fraction.
func (c *rowCompiler) neverEqual(left, right *node) bool {
	kind, ok := left.typ.kind()
	if !ok || kind != capture.KindInt || left.column == nil || !right.constant() {
		return false
	}
	n, ok := scratch().num(right.value)
	return ok && n.Trimmed(0).Scale > 0
}

// requirement returns what must be the text of a column for the values to be equal; nil where more than one text is equal.
func requirement(left, right *node, negate bool) *Equality {
	col := left.column
	if negate || col == nil || col.source != ofRow || col.index < 0 || !right.constant() {
		return nil
	}
	kind, _ := left.typ.kind()
	switch {
	case kind == capture.KindText && right.value.kind == textKind && !left.typ.padded():
		return &Equality{col.index, string(right.value.b)}
	case kind == capture.KindInt && right.value.kind == numKind:
		n, ok := scratch().num(right.value)
		if n = n.Trimmed(0); ok && n.Scale == 0 {
			return &Equality{col.index, string(n.Append(nil))}
		}
	case kind == capture.KindBool && right.value.kind == boolKind:
		return &Equality{col.index, map[bool]string{true: "t", false: "f"}[right.value.isTrue()]}
	}
	return nil
}

// equalEval compares by the types of the operands where they are known.
func equalEval(left, right *node, negate bool) func(*frame) val {
	padded := left.typ.padded() || right.typ.padded()
	at := right
	return func(f *frame) val {
		l, r := left.eval(f), right.eval(f)
		if l.kind == failed || r.kind == failed {
			return val{kind: failed}
		}
		if padded && l.kind == textKind && r.kind == textKind {
			return boolVal((string(bytes.TrimRight(l.b, " ")) == string(bytes.TrimRight(r.b, " "))) != negate)
		}
		same := f.equal(l, r, at, 0)
		if f.err != nil {
			return val{kind: failed}
		}
		return boolVal(same != negate)
	}
}
