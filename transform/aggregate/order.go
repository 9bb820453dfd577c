package aggregate

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// parseOrder returns the column of an order_by.
func parseOrder(x hclsyntax.Expression) (*column, hcl.Diagnostics) {
	c, of, ok := parseColumn(x)
	if !ok || of != "child" {
		return nil, hcl.Diagnostics{rules.Fault(x.Range(), "this is not a column of the child", "Write order_by = child.position.")}
	}
	return &c, nil
}

// order is an order_by that is compiled for a shape.
type order struct {
	column  int
	compare func(a, b []byte) int
}

// compileOrder compiles the order_by of a child block; nil: it has none.
func (c *child) compileOrder(of *capture.Table) (*order, hcl.Diagnostics) {
	if c.order == nil {
		return nil, nil
	}
	i, diags := c.order.index(of)
	if diags.HasErrors() {
		return nil, diags
	}
	switch t := base(of.Columns[i].Type); {
	case t.Kind == capture.KindInt:
		return &order{i, compareInts}, nil
	case isText(t) || t.Kind == capture.KindText && t.Name == "uuid" && t.User == nil:
		return &order{i, bytes.Compare}, nil
	default:
		return nil, hcl.Diagnostics{rules.Fault(c.order.at, fmt.Sprintf("children cannot be ordered by a column of type %s", t),
			"They can be ordered by an integer, a uuid or, byte by byte, a text. Without order_by they are in the order in which they "+
				"first appear in the transaction.")}
	}
}

func compareInts(a, b []byte) int {
	x, _ := strconv.ParseInt(string(a), 10, 64) // Postgres has printed it
	y, _ := strconv.ParseInt(string(b), 10, 64)
	return cmp.Compare(x, y)
}

// sort sorts children, nulls last, and those that are equal in the order in which they are.
func (o *order) sort(rows [][]capture.Value) error {
	for _, row := range rows {
		if k := row[o.column].Kind; k != capture.Text && k != capture.Null {
			return expr.ErrUnchanged
		}
	}
	slices.SortStableFunc(rows, func(a, b []capture.Value) int {
		x, y := a[o.column], b[o.column]
		if x.Kind == capture.Null || y.Kind == capture.Null {
			return cmp.Compare(y.Kind, x.Kind) // Null is the smallest kind
		}
		return o.compare(x.Bytes, y.Bytes)
	})
	return nil
}
