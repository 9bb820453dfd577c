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
)

// splatItem is the variable of a splat. No name of a file is like it.
const splatItem = "*"

// describe prepares the rows that the expression may name.
func (c *rowCompiler) describe() {
	c.rows = map[string]*typ{
		"row": c.rowOf(ofRow, c.shape.Table), "old": c.rowOf(ofOld, c.shape.Table), "child": c.rowOf(ofChild, c.shape.Child),
	}
	for _, name := range c.names.Lists {
		c.rows[name] = &typ{class: listClass, elem: c.rowOf(ofItem, c.shape.Children[name])}
	}
}

func (c *rowCompiler) rowOf(s source, t *capture.Table) *typ {
	r := &rowType{source: s, table: t, omit: c.shape.Unchanged == Omit, reject: c.shape.Unchanged == Reject}
	row := &typ{class: objectClass, row: r, closed: t != nil}
	if t == nil {
		return row
	}
	for i := range t.Columns {
		col := &t.Columns[i]
		r.types = append(r.types, fieldType{col.Name, columnType(col.Type)})
	}
	row.fields = r.types
	return row
}

// encoders prepares a row that is used as an object.
func (c *rowCompiler) encoders(r *rowType) {
	if r.json != nil || r.table == nil {
		return
	}
	for i := range r.table.Columns {
		name := append([]byte{','}, quotedText(r.table.Columns[i].Name)...)
		t := r.types[i].typ
		r.json = append(r.json, columnJSON{append(name, ':'), c.appenders().Appender(t.pg), c.loader(t)})
	}
}

// traversal compiles a name with the attributes and indexes after it.
func (c *rowCompiler) traversal(x *hclsyntax.ScopeTraversalExpr) *node {
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

func (c *rowCompiler) variable(name string, at hcl.Range) *node {
	i := c.find(name)
	if i < 0 {
		return c.fail(at, "this is not supported here", "")
	}
	v := c.vars[i]
	n := &node{at: at, typ: v.typ, level: onItems, name: name, eval: func(f *frame) val { return f.items[v.slot] }}
	if v.typ.row != nil {
		c.encoders(v.typ.row)
		n.item = v.slot + 1
	}
	return n
}

// operation is op: known for a shape.
func (c *rowCompiler) operation() *node {
	if c.shape == nil {
		n := c.unseen(textType)
		n.name = "op"
		return n
	}
	n := constant(textVal([]byte(c.shape.Op.String())), hcl.Range{})
	n.name = "op"
	return n
}

// children is a list of child rows.
func (c *rowCompiler) children(name string) *node {
	if c.shape == nil {
		return c.unseen(&typ{class: listClass})
	}
	t := c.rows[name]
	c.encoders(t.elem.row)
	b := &box{row: t.elem.row}
	return &node{typ: t, level: onRow, name: name, eval: func(f *frame) val {
		b.rows = f.in.Children[name]
		return val{kind: rowsKind, p: b}
	}}
}

// fixed compiles table, tx and source.
func (c *rowCompiler) fixed(root string, t hcl.Traversal, at hcl.Range) *node {
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

func (c *rowCompiler) fixedValue(name string) (n *node) {
	defer func() { n.name = name }()
	switch name {
	case "tx.time":
		return timeNode()
	case "tx.xid":
		return c.ofTx(numberType, func(_ *frame, tx *capture.Tx) val { return intVal(int64(tx.XID)) })
	case "tx.lsn":
		return c.ofTx(textType, func(f *frame, tx *capture.Tx) val {
			start := len(f.arena)
			f.arena = tx.LSN.Append(f.arena)
			return textVal(f.kept(start))
		})
	case "tx.annotations":
		at := c.expr.Range()
		return c.ofTx(anyType, func(f *frame, tx *capture.Tx) val {
			if len(tx.Annotations) == 0 {
				return val{}
			}
			return f.resolve(tx.Annotations, at)
		})
	}
	if c.shape == nil {
		return c.unseen(textType)
	}
	text := map[string]string{
		"table.schema": c.shape.Table.Schema, "table.name": c.shape.Table.Name, "source.pipeline": c.shape.Pipeline,
	}[name]
	return constant(textVal([]byte(text)), hcl.Range{})
}

func (c *rowCompiler) ofTx(t *typ, get func(*frame, *capture.Tx) val) *node {
	return &node{typ: t, level: onRow, checks: c.shape == nil, eval: func(f *frame) val {
		if f.in == nil || f.in.Change.Tx == nil {
			return val{}
		}
		return get(f, f.in.Change.Tx)
	}}
}

// timeNode is tx.time: RFC 3339 in UTC with microseconds, as in every format.
func timeNode() *node {
	const layout = "2006-01-02T15:04:05.000000Z"
	var last *capture.Tx // the text is the same for all changes of a transaction
	var encoded []byte
	text := func(f *frame) []byte {
		if tx := f.in.Change.Tx; tx != last {
			last = tx
			encoded = append(tx.Time.UTC().AppendFormat([]byte{'"'}, layout), '"')
		}
		return encoded
	}
	n := &node{typ: timeType, level: onRow}
	n.eval = func(f *frame) val {
		q := text(f)
		return val{kind: timeKind, b: q[1 : len(q)-1]}
	}
	n.text = func(f *frame, dst []byte) ([]byte, bool) {
		q := text(f)
		return append(dst, q[1:len(q)-1]...), false
	}
	n.json = func(f *frame, dst []byte) []byte { return append(dst, text(f)...) }
	return n
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
