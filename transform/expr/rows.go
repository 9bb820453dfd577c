package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr/eval"
)

// rowTraversal compiles row, old and child, alone or with a column.
func (c *rowCompiler) rowTraversal(t hcl.Traversal, at hcl.Range) *eval.Node {
	name := t.RootName()
	if name == "child" && !c.names.Child {
		return c.fail(t[0].SourceRange(), `"child" is not known here`, "It is a row of a child table, in the join of an aggregate.")
	}
	if c.shape == nil {
		n := c.unseen(eval.AnyType)
		n.Name = name
		if len(t) > 1 && stepName(t[1]) != "" {
			n.Name += "." + stepName(t[1])
		}
		return n
	}
	if c.shape.Op == capture.Truncate {
		return c.lost(t[0].SourceRange(), fmt.Sprintf("a truncate has no %s", name),
			`Narrow the rule to other operations: op != "truncate" && ...`)
	}
	if len(t) == 1 {
		return c.wholeRow(name, at)
	}
	field := stepName(t[1])
	place := hcl.RangeBetween(t[0].SourceRange(), t[1].SourceRange())
	if field == "" {
		return c.fail(place, fmt.Sprintf("%s has columns, no list of values", name), fmt.Sprintf("Write %s.NAME.", name))
	}
	return c.steps(c.rowColumn(c.rows[name], name, field, place), t[2:], at)
}

// rowColumn compiles a column of row, old or child.
func (c *rowCompiler) rowColumn(row *eval.Type, name, field string, at hcl.Range) *eval.Node {
	table := row.Row.Table
	i := table.Column(field)
	if i < 0 {
		return c.noColumn(row, name, field, at)
	}
	def := &table.Columns[i]
	col := &eval.Column{Source: row.Row.Source, Index: i, Name: field, Table: table}
	switch {
	case name == "child":
		col.Unchanged = c.shape.ChildUpdated && !def.Inline && !def.Identity
	case c.shape.Op == capture.Delete:
		col.Source = eval.OfRow
		if !def.Identity {
			return c.notInIdentity(name, field, at)
		}
	case name == "old" && c.shape.Op == capture.Update && !def.Identity:
		return c.notInIdentity(name, field, at)
	case name == "old" && c.shape.Op != capture.Update:
		n := eval.Constant(eval.Value{}, at)
		n.Name = name + "." + field
		return n
	default:
		col.Unchanged = name == "row" && c.shape.Op == capture.Update && !def.Inline && !def.Identity
	}
	n := c.columnNode(col, row.Row.Types[i].Type, 0)
	n.At, n.Name = at, name+"."+field
	return n
}

// noColumn compiles a column that the shape lacks: null where later shapes have it, else a problem.
func (c *rowCompiler) noColumn(row *eval.Type, name, field string, at hcl.Range) *eval.Node {
	if _, ok := c.shape.Later[field]; ok && name != "child" {
		n := eval.Constant(eval.Value{}, at)
		n.Name = name + "." + field
		return n
	}
	detail := config.Suggest(name+"."+field, prefixed(name+".", row.FieldNames()))
	table := row.Row.Table
	switch before, _, dash := strings.Cut(field, "-"); {
	case dash && table.Column(before) >= 0:
		detail = fmt.Sprintf("A name may contain a dash, so %s.%s is one name. Write a difference with spaces: %s.%s - ...", name, field, name, before)
	case detail == "":
		detail = fmt.Sprintf("It has %s. A file that is deployed before its migration has try(%s.%s, null).", someOf(row.FieldNames()), name, field)
	}
	d := problem(at, fmt.Sprintf("%s has no column %s", table, field), detail)
	d.Extra = missingColumn{}
	c.diags = append(c.diags, d)
	return nil
}

func prefixed(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + n
	}
	return out
}

// someOf lists names in a sentence, up to ten of them.
func someOf(names []string) string {
	if len(names) == 0 {
		return "no columns"
	}
	if len(names) > 10 {
		return strings.Join(names[:10], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}

// wholeRow compiles row, old or child as an object.
func (c *rowCompiler) wholeRow(name string, at hcl.Range) *eval.Node {
	if name == "old" && c.shape.Op != capture.Update && c.shape.Op != capture.Delete {
		return eval.Constant(eval.Value{}, at)
	}
	t := c.rows[name]
	if !c.wholeKnown(t, name, at) {
		return nil
	}
	r := t.Row
	c.encoders(r)
	b := &eval.Box{Row: r, Rows: make([][]capture.Value, 1)}
	n := &eval.Node{At: at, Type: t, Level: eval.OnRow, Name: name}
	n.Eval = func(f *eval.Frame) eval.Value {
		switch r.Source {
		case eval.OfOld:
			b.Rows[0] = f.Old
			if f.Old == nil {
				b.Rows[0] = f.Row
			}
		case eval.OfChild:
			b.Rows[0] = f.In.Child
		default:
			b.Rows[0] = f.Row
		}
		return eval.Value{Kind: eval.RowKind, Box: b}
	}
	return n
}

// wholeKnown reports the first column that a row as an object may lack.
func (c *rowCompiler) wholeKnown(t *eval.Type, name string, at hcl.Range) bool {
	for i := range t.Row.Table.Columns {
		def := &t.Row.Table.Columns[i]
		switch {
		case name == "child" && !c.shape.ChildUpdated:
		case (name == "old" && c.shape.Op == capture.Update || name != "child" && c.shape.Op == capture.Delete) && !def.Identity:
			c.notInIdentity(name, def.Name, at)
			return false
		case (name == "child" || name == "row" && c.shape.Op == capture.Update) && !def.Inline && !def.Identity && c.shape.Unchanged == Refuse:
			c.mayBeUnchanged(name+"."+def.Name, t.Row.Table, at)
			return false
		}
	}
	return true
}

// itemColumn compiles a column of a child row that a variable has.
func (c *rowCompiler) itemColumn(n *eval.Node, field string, at hcl.Range) *eval.Node {
	r := n.Type.Row
	if r.Table == nil {
		return c.unseen(eval.AnyType)
	}
	i := r.Table.Column(field)
	if i < 0 {
		return c.noColumn(n.Type, n.Name, field, at)
	}
	def := &r.Table.Columns[i]
	col := &eval.Column{Source: eval.OfItem, Index: i, Name: field, Table: r.Table, Unchanged: c.shape.ChildUpdated && !def.Inline && !def.Identity}
	out := c.columnNode(col, r.Types[i].Type, n.Item-1)
	out.ItemSlot = n.Item - 1
	out.At, out.Name, out.Level = at, n.Name+"."+field, eval.OnItems
	return out
}

// rowField compiles a column of a row that is neither a name nor a variable.
func (c *rowCompiler) rowField(n *eval.Node, field string, at hcl.Range) *eval.Node {
	r := n.Type.Row
	if r.Table == nil {
		return c.unseen(eval.AnyType)
	}
	i := r.Table.Column(field)
	if i < 0 {
		return c.noColumn(n.Type, "row", field, at)
	}
	def := &r.Table.Columns[i]
	if c.shape.ChildUpdated && r.Source == eval.OfItem && !def.Inline && !def.Identity && c.shape.Unchanged != Reject {
		return c.mayBeUnchanged(field, r.Table, at)
	}
	load := c.loader(r.Types[i].Type)
	out := &eval.Node{At: at, Type: r.Types[i].Type, Level: n.Level, Name: field}
	out.Eval = func(f *eval.Frame) eval.Value {
		v := n.Eval(f)
		if v.Kind != eval.RowKind {
			return v
		}
		cell := r.At(f, v.Row(), i)
		if cell.Kind != capture.Text {
			return f.Missing(cell, r.Column(i))
		}
		return load(f, cell.Bytes)
	}
	return out
}

// identityOf lists the columns of the replica identity.
func identityOf(t *capture.Table) string {
	var names []string
	for _, col := range t.Columns {
		if col.Identity {
			names = append(names, col.Name)
		}
	}
	if len(names) == 0 {
		return "no column"
	}
	return "only " + strings.Join(slices.Compact(names), ", ")
}
