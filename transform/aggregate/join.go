package aggregate

import (
	"encoding/binary"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// equality is a part of a join: a column of the child is equal to a column of the row.
type equality struct {
	at         hcl.Range
	child, row column
}

// column is a column as an expression names it.
type column struct {
	name string
	at   hcl.Range
}

const joinForm = "A join consists of equalities of a column of the child and a column of the row, such as child.order_id == row.id, " +
	"joined by &&, so that it costs no more for many rows."

// parseJoin returns the equalities of a join.
func parseJoin(x hclsyntax.Expression) ([]equality, hcl.Diagnostics) {
	switch x := x.(type) {
	case *hclsyntax.ParenthesesExpr:
		return parseJoin(x.Expression)
	case *hclsyntax.BinaryOpExpr:
		switch x.Op {
		case hclsyntax.OpLogicalAnd:
			left, diags := parseJoin(x.LHS)
			right, problems := parseJoin(x.RHS)
			return append(left, right...), append(diags, problems...)
		case hclsyntax.OpEqual:
			return parseEquality(x)
		}
	}
	return nil, hcl.Diagnostics{rules.Fault(x.Range(), "a join cannot have this", joinForm)}
}

func parseEquality(x *hclsyntax.BinaryOpExpr) ([]equality, hcl.Diagnostics) {
	left, of, ok := parseColumn(x.LHS)
	right, other, fits := parseColumn(x.RHS)
	switch {
	case !ok:
		return nil, hcl.Diagnostics{rules.Fault(x.LHS.Range(), "a join cannot have this", joinForm)}
	case !fits:
		return nil, hcl.Diagnostics{rules.Fault(x.RHS.Range(), "a join cannot have this", joinForm)}
	case of == other:
		return nil, hcl.Diagnostics{rules.Fault(x.Range(), fmt.Sprintf("both columns are of the %s", of), joinForm)}
	case of == "row":
		left, right = right, left
	}
	return []equality{{at: x.Range(), child: left, row: right}}, nil
}

// parseColumn returns the column of child.name, row.name, child["name"] or row["name"], and which of both it is of.
func parseColumn(x hclsyntax.Expression) (c column, of string, ok bool) {
	for {
		inner, is := x.(*hclsyntax.ParenthesesExpr)
		if !is {
			break
		}
		x = inner.Expression
	}
	t, is := x.(*hclsyntax.ScopeTraversalExpr)
	if !is || len(t.Traversal) != 2 {
		return c, "", false
	}
	c.at, of = t.Range(), t.Traversal.RootName()
	switch step := t.Traversal[1].(type) {
	case hcl.TraverseAttr:
		c.name = step.Name
	case hcl.TraverseIndex:
		if step.Key.Type() != cty.String || step.Key.IsNull() {
			return c, "", false
		}
		c.name = step.Key.AsString()
	}
	return c, of, c.name != "" && (of == "child" || of == "row")
}

// index returns the index of the column in a table.
func (c column) index(t *capture.Table) (int, hcl.Diagnostics) {
	if i := t.Column(c.name); i >= 0 {
		return i, nil
	}
	names := make([]string, len(t.Columns))
	for i := range t.Columns {
		names[i] = t.Columns[i].Name
	}
	return -1, hcl.Diagnostics{rules.Fault(c.at, fmt.Sprintf("table %s has no column %q", t, c.name), config.Suggest(c.name, names))}
}

// join is a join that is compiled for a shape of both tables.
type join struct{ child, row []joinColumn }

// joinColumn is a column, with the form in which texts of equal values are equal.
type joinColumn struct {
	index int
	form  func([]byte) []byte // nil: as they are
}

// compileJoin compiles the join of a child block.
func (c *child) compileJoin(root, of *capture.Table) (*join, hcl.Diagnostics) {
	j := &join{}
	var diags hcl.Diagnostics
	for _, e := range c.join {
		a, problems := e.child.index(of)
		b, more := e.row.index(root)
		diags = append(append(diags, problems...), more...)
		if a < 0 || b < 0 {
			continue
		}
		form, ok := equalForm(of.Columns[a].Type, root.Columns[b].Type)
		if !ok {
			diags = append(diags, rules.Fault(e.at, fmt.Sprintf("%s and %s cannot be joined", of.Columns[a].Type, root.Columns[b].Type),
				fmt.Sprintf("%q of %s and %q of %s have types whose values can be equal without having the same text, or never are.",
					e.child.name, of, e.row.name, root)))
		}
		j.child, j.row = append(j.child, joinColumn{a, form}), append(j.row, joinColumn{b, form})
	}
	return j, diags
}

// appendKey appends a text that is the same for the rows of both tables that are joined. ok is false when a value is null: it is
// equal to none. An error is a value that the log does not have.
func appendKey(dst []byte, columns []joinColumn, row []capture.Value) (key []byte, ok bool, err error) {
	for _, c := range columns {
		switch v := row[c.index]; v.Kind {
		case capture.Text:
			text := v.Bytes
			if c.form != nil {
				text = c.form(text)
			}
			dst = appendText(dst, text)
		case capture.Null:
			return dst, false, nil
		default:
			return dst, false, expr.ErrUnchanged
		}
	}
	return dst, true, nil
}

func appendText(dst, text []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}
