package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr/eval"
)

// splatItem is the variable of a splat. No name of a file is like it.
const splatItem = "*"

// describe prepares the rows that the expression may name.
func (c *rowCompiler) describe() {
	c.rows = map[string]*eval.Type{
		"row": c.rowOf(eval.OfRow, c.shape.Table), "old": c.rowOf(eval.OfOld, c.shape.Table), "child": c.rowOf(eval.OfChild, c.shape.Child),
	}
	for _, name := range c.names.Lists {
		c.rows[name] = &eval.Type{Class: eval.ListClass, Elem: c.rowOf(eval.OfItem, c.shape.Children[name])}
	}
}

func (c *rowCompiler) rowOf(s eval.Source, t *capture.Table) *eval.Type {
	r := &eval.RowType{Source: s, Table: t, Omit: c.shape.Unchanged == Omit, Reject: c.shape.Unchanged == Reject}
	row := &eval.Type{Class: eval.ObjectClass, Row: r, Closed: t != nil}
	if t == nil {
		return row
	}
	for i := range t.Columns {
		col := &t.Columns[i]
		r.Types = append(r.Types, eval.Field{Name: col.Name, Type: eval.OfColumn(col.Type)})
	}
	row.Fields = r.Types
	return row
}

// encoders prepares a row that is used as an object.
func (c *rowCompiler) encoders(r *eval.RowType) {
	if r.Encoders != nil || r.Table == nil {
		return
	}
	for i := range r.Table.Columns {
		name := append([]byte{','}, quotedText(r.Table.Columns[i].Name)...)
		t := r.Types[i].Type
		r.Encoders = append(r.Encoders, eval.Encoder{Name: append(name, ':'), Appender: c.appenders().Appender(t.Postgres), Load: c.loader(t)})
	}
}

// traversal compiles a name with the attributes and indexes after it.
func (c *rowCompiler) traversal(x *hclsyntax.ScopeTraversalExpr) *eval.Node {
	name := x.Traversal.RootName()
	if i := c.find(name); i >= 0 {
		return c.steps(c.variable(name, x.Traversal[0].SourceRange()), x.Traversal[1:], x.SrcRange)
	}
	switch {
	case name == "local":
		return c.evaluate(x)
	case name == "row" || name == "old" || name == "child":
		return c.rowTraversal(x.Traversal, x.SrcRange)
	case name == "op":
		return c.steps(c.operation(), x.Traversal[1:], x.SrcRange)
	case name == "table" || name == "tx" || name == "source":
		return c.fixed(name, x.Traversal, x.SrcRange)
	case slices.Contains(c.names.Lists, name):
		return c.steps(c.children(name), x.Traversal[1:], x.SrcRange)
	}
	return c.fail(x.SrcRange, fmt.Sprintf("%q is not known here", name), config.Suggest(name, slices.Concat(rowNames, c.names.Lists)))
}

// find returns the index of a variable, or -1.
func (c *rowCompiler) find(name string) int {
	for i := len(c.vars) - 1; i >= 0; i-- {
		if c.vars[i].name == name {
			return i
		}
	}
	return -1
}

func (c *rowCompiler) variable(name string, at hcl.Range) *eval.Node {
	i := c.find(name)
	if i < 0 {
		return c.fail(at, "this is not supported here", "")
	}
	v := c.vars[i]
	n := &eval.Node{At: at, Type: v.typ, Level: eval.OnItems, Name: name, Eval: func(f *eval.Frame) eval.Value { return f.Items[v.slot] }}
	if v.typ.Row != nil {
		c.encoders(v.typ.Row)
		n.Item = v.slot + 1
	}
	return n
}

// operation is op: known for a shape.
func (c *rowCompiler) operation() *eval.Node {
	if c.shape == nil {
		n := c.unseen(eval.TextType)
		n.Name = "op"
		return n
	}
	n := eval.Constant(eval.Text([]byte(c.shape.Op.String())), hcl.Range{})
	n.Name = "op"
	return n
}

// children is a list of child rows.
func (c *rowCompiler) children(name string) *eval.Node {
	if c.shape == nil {
		return c.unseen(&eval.Type{Class: eval.ListClass})
	}
	t := c.rows[name]
	c.encoders(t.Elem.Row)
	b := &eval.Box{Row: t.Elem.Row}
	return &eval.Node{Type: t, Level: eval.OnRow, Name: name, Eval: func(f *eval.Frame) eval.Value {
		b.Rows = f.In.Children[name]
		return eval.Value{Kind: eval.RowsKind, Box: b}
	}}
}

// fixed compiles table, tx and source.
func (c *rowCompiler) fixed(root string, t hcl.Traversal, at hcl.Range) *eval.Node {
	known := map[string][]string{
		"table": {"table.schema", "table.name"}, "tx": {"tx.lsn", "tx.xid", "tx.time", "tx.annotations"}, "source": {"source.pipeline"},
	}[root]
	name := root
	if len(t) > 1 {
		name = root + "." + stepName(t[1])
	}
	if !slices.Contains(known, name) {
		detail := config.Suggest(name, slices.Clone(known))
		if detail == "" {
			detail = "There is " + strings.Join(known, ", ") + "."
		}
		if len(t) > 1 {
			at = hcl.RangeBetween(t[0].SourceRange(), t[1].SourceRange())
		}
		return c.fail(at, fmt.Sprintf("there is no %s", name), detail)
	}
	return c.steps(c.fixedValue(name), t[2:], at)
}

func (c *rowCompiler) fixedValue(name string) (n *eval.Node) {
	defer func() { n.Name = name }()
	switch name {
	case "tx.time":
		return timeNode()
	case "tx.xid":
		return c.ofTx(eval.NumberType, func(_ *eval.Frame, tx *capture.Tx) eval.Value { return eval.Int(int64(tx.XID)) })
	case "tx.lsn":
		return c.ofTx(eval.TextType, func(f *eval.Frame, tx *capture.Tx) eval.Value {
			start := len(f.Arena)
			f.Arena = tx.LSN.Append(f.Arena)
			return eval.Text(f.Kept(start))
		})
	case "tx.annotations":
		at := c.expr.Range()
		return c.ofTx(eval.AnyType, func(f *eval.Frame, tx *capture.Tx) eval.Value {
			if len(tx.Annotations) == 0 {
				return eval.Value{}
			}
			return f.JSON(tx.Annotations, at)
		})
	}
	if c.shape == nil {
		return c.unseen(eval.TextType)
	}
	text := map[string]string{
		"table.schema": c.shape.Table.Schema, "table.name": c.shape.Table.Name, "source.pipeline": c.shape.Pipeline,
	}[name]
	return eval.Constant(eval.Text([]byte(text)), hcl.Range{})
}

func (c *rowCompiler) ofTx(t *eval.Type, get func(*eval.Frame, *capture.Tx) eval.Value) *eval.Node {
	return &eval.Node{Type: t, Level: eval.OnRow, Checks: c.shape == nil, Eval: func(f *eval.Frame) eval.Value {
		if f.In == nil || f.In.Change.Tx == nil {
			return eval.Value{}
		}
		return get(f, f.In.Change.Tx)
	}}
}

// timeNode is tx.time.
func timeNode() *eval.Node {
	return &eval.Node{
		Type: eval.TimeType, Level: eval.OnRow,
		Eval: func(f *eval.Frame) eval.Value {
			q := f.TxTime()
			if q == nil {
				return eval.Value{}
			}
			return eval.Value{Kind: eval.TimeKind, Bytes: q[1 : len(q)-1]}
		},
		EvalText: func(f *eval.Frame, dst []byte) ([]byte, bool) {
			q := f.TxTime()
			if q == nil {
				return dst, true
			}
			return append(dst, q[1:len(q)-1]...), false
		},
		EvalJSON: func(f *eval.Frame, dst []byte) []byte {
			q := f.TxTime()
			if q == nil {
				return append(dst, "null"...)
			}
			return append(dst, q...)
		},
	}
}

// stepName is the name of an attribute, or of an index that is a text; "" for any other step.
func stepName(step hcl.Traverser) string {
	switch s := step.(type) {
	case hcl.TraverseAttr:
		return s.Name
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
			return s.Key.AsString()
		}
	}
	return ""
}
