package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
)

// rowTraversal compiles row, old and child, alone or with a column.
func (c *rowCompiler) rowTraversal(t hcl.Traversal, at hcl.Range) *node {
	name := t.RootName()
	if name == "child" && !c.names.Child {
		return c.fail(t[0].SourceRange(), `"child" is not known here`, "It is a row of a child table, in the join of an aggregate.")
	}
	if c.shape == nil {
		n := c.unseen(anyType)
		n.name = name
		if len(t) > 1 && stepName(t[1]) != "" {
			n.name += "." + stepName(t[1])
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
func (c *rowCompiler) rowColumn(row *typ, name, field string, at hcl.Range) *node {
	table := row.row.table
	i := table.Column(field)
	if i < 0 {
		return c.noColumn(row, name, field, at)
	}
	def := &table.Columns[i]
	col := &column{source: row.row.source, index: i, name: field, table: table}
	switch {
	case name == "child":
		col.unchanged = c.shape.ChildUpdated && !def.Inline && !def.Identity
	case c.shape.Op == capture.Delete:
		col.source = ofRow
		if !def.Identity {
			return c.notInIdentity(name, field, at)
		}
	case name == "old" && c.shape.Op == capture.Update && !def.Identity:
		return c.notInIdentity(name, field, at)
	case name == "old" && c.shape.Op != capture.Update:
		n := constant(val{}, at)
		n.name = name + "." + field
		return n
	default:
		col.unchanged = name == "row" && c.shape.Op == capture.Update && !def.Inline && !def.Identity
	}
	n := c.columnNode(col, row.row.types[i].typ, 0)
	n.at, n.name = at, name+"."+field
	return n
}

// noColumn compiles a column that the shape lacks: null where later shapes have it, else a problem.
func (c *rowCompiler) noColumn(row *typ, name, field string, at hcl.Range) *node {
	if _, ok := c.shape.Later[field]; ok && name != "child" {
		n := constant(val{}, at)
		n.name = name + "." + field
		return n
	}
	detail := config.Suggest(name+"."+field, prefixed(name+".", row.fieldNames()))
	table := row.row.table
	switch before, _, dash := strings.Cut(field, "-"); {
	case dash && table.Column(before) >= 0:
		detail = fmt.Sprintf("A name may contain a dash, so %s.%s is one name. Write a difference with spaces: %s.%s - ...", name, field, name, before)
	case detail == "":
		detail = fmt.Sprintf("It has %s. A file that is deployed before its migration has try(%s.%s, null).", someOf(row.fieldNames()), name, field)
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
func (c *rowCompiler) wholeRow(name string, at hcl.Range) *node {
	if name == "old" && c.shape.Op != capture.Update && c.shape.Op != capture.Delete {
		return constant(val{}, at)
	}
	t := c.rows[name]
	if !c.wholeKnown(t, name, at) {
		return nil
	}
	r := t.row
	c.encoders(r)
	b := &box{row: r, rows: make([][]capture.Value, 1)}
	n := &node{at: at, typ: t, level: onRow, name: name}
	n.eval = func(f *frame) val {
		switch r.source {
		case ofOld:
			b.rows[0] = f.old
			if f.old == nil {
				b.rows[0] = f.row
			}
		case ofChild:
			b.rows[0] = f.in.Child
		default:
			b.rows[0] = f.row
		}
		return val{kind: rowKind, p: b}
	}
	return n
}

// wholeKnown reports the first column that a row as an object may lack.
func (c *rowCompiler) wholeKnown(t *typ, name string, at hcl.Range) bool {
	for i := range t.row.table.Columns {
		def := &t.row.table.Columns[i]
		switch {
		case name == "child" && !c.shape.ChildUpdated:
		case (name == "old" && c.shape.Op == capture.Update || name != "child" && c.shape.Op == capture.Delete) && !def.Identity:
			c.notInIdentity(name, def.Name, at)
			return false
		case (name == "child" || name == "row" && c.shape.Op == capture.Update) && !def.Inline && !def.Identity && c.shape.Unchanged == Refuse:
			c.mayBeUnchanged(name+"."+def.Name, t.row.table, at)
			return false
		}
	}
	return true
}

// itemColumn compiles a column of a child row that a variable has.
func (c *rowCompiler) itemColumn(n *node, field string, at hcl.Range) *node {
	r := n.typ.row
	if r.table == nil {
		return c.unseen(anyType)
	}
	i := r.table.Column(field)
	if i < 0 {
		return c.noColumn(n.typ, n.name, field, at)
	}
	def := &r.table.Columns[i]
	col := &column{source: ofItem, index: i, name: field, table: r.table, unchanged: c.shape.ChildUpdated && !def.Inline && !def.Identity}
	out := c.columnNode(col, r.types[i].typ, n.item-1)
	out.itemSlot = n.item - 1
	out.at, out.name, out.level = at, n.name+"."+field, onItems
	return out
}

// rowField compiles a column of a row that is neither a name nor a variable.
func (c *rowCompiler) rowField(n *node, field string, at hcl.Range) *node {
	r := n.typ.row
	if r.table == nil {
		return c.unseen(anyType)
	}
	i := r.table.Column(field)
	if i < 0 {
		return c.noColumn(n.typ, "row", field, at)
	}
	def := &r.table.Columns[i]
	if c.shape.ChildUpdated && r.source == ofItem && !def.Inline && !def.Identity && c.shape.Unchanged != Reject {
		return c.mayBeUnchanged(field, r.table, at)
	}
	load := c.loader(r.types[i].typ)
	out := &node{at: at, typ: r.types[i].typ, level: n.level, name: field}
	out.eval = func(f *frame) val {
		v := n.eval(f)
		if v.kind != rowKind {
			return v
		}
		cell := r.at(f, v.row(), i)
		if cell.Kind != capture.Text {
			return f.missing(cell, r.column(i))
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
