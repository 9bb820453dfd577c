package eventtest

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest/shape"
)

// declare reads the types and the tables, and reports whether all are usable.
func (f *File) declare(b schemaBlock) bool {
	problems := len(f.Report.Diagnostics)
	complete := true
	types := shape.NewTypes()
	for i := range b.Types {
		complete = b.Types[i].complete && complete
		f.declareType(types, &b.Types[i])
	}
	for i := range b.Tables {
		complete = b.Tables[i].Columns != nil && complete
		f.declareTable(types, &b.Tables[i])
	}
	return complete && len(f.Report.Diagnostics) == problems
}

func (f *File) declareType(types *shape.Types, b *typeBlock) {
	if !b.complete {
		return
	}
	if types.Declared(b.Name) {
		f.problemf(b.Range, "Choose another name, or remove the block.", "there is already a type %q", b.Name)
		return
	}
	switch {
	case b.Base != "":
		if err := types.Domain(b.Name, b.Base); err != nil {
			f.problem(b.Range, err)
		}
	case b.Fields != nil:
		f.declareComposite(types, b)
	case b.Storage != "":
		types.Text(b.Name, b.Storage)
	default:
		types.Enum(b.Name, b.Labels)
	}
}

func (f *File) declareComposite(types *shape.Types, b *typeBlock) {
	var fields []capture.Field
	for _, item := range f.pairs(b.Fields, `fields = { street = "text" }`) {
		typ, modifier, _, err := types.Parse(item.text)
		if err != nil {
			f.problem(item.valueAt, err)
			return
		}
		fields = append(fields, capture.Field{Name: item.name, Type: typ, Modifier: modifier, Number: int16(len(fields) + 1)})
	}
	types.Composite(b.Name, fields)
}

func (f *File) declareTable(types *shape.Types, b *tableBlock) {
	if b.Columns == nil {
		return
	}
	if f.Table(b.Name) != nil {
		f.problemf(b.Range, "Remove one of them.", "there are two tables %q", b.Name)
		return
	}
	identity := f.identity(b.Identity)
	var columns []shape.Column
	places := map[string]hcl.Range{"": b.Range}
	for _, item := range f.pairs(b.Columns, `columns = { id = "int8", status = "text" }`) {
		if first, twice := places[item.name]; twice {
			f.problemf(item.nameAt, "The first is at "+config.Place(first)+".", "there are two columns %q", item.name)
			return
		}
		places[item.name] = item.valueAt
		columns = append(columns, shape.Column{Name: item.name, Type: item.text})
	}
	table, column, err := types.NewTable(b.Name, columns, b.Key, identity)
	if err != nil {
		f.problem(places[column], err)
		return
	}
	f.Tables, f.places[b.Name] = append(f.Tables, table), places
}

// identity reads the replica identity: "default", "full", "nothing", or a list of columns.
func (f *File) identity(x *config.Expression) shape.Identity {
	if x == nil {
		return shape.Identity{}
	}
	v, ok := f.evaluate(x)
	if !ok {
		return shape.Identity{}
	}
	if v.Type() == cty.String {
		switch v.AsString() {
		case "default":
			return shape.Identity{}
		case "full":
			return shape.Identity{Full: true}
		case "nothing":
			return shape.Identity{Nothing: true}
		}
	}
	var id shape.Identity
	if v.Type().IsTupleType() || v.Type().IsListType() {
		for _, e := range v.AsValueSlice() {
			if e.IsNull() || e.Type() != cty.String {
				id.Index = nil
				break
			}
			id.Index = append(id.Index, e.AsString())
		}
	}
	if len(id.Index) == 0 {
		f.problemf(x.Range(), `Write "default", "full", "nothing", or the columns of USING INDEX: ["id", "status"].`, "identity is not a replica identity")
	}
	return id
}

// item is an attribute of an object whose values are texts.
type item struct {
	name, text      string
	nameAt, valueAt hcl.Range
}

// pairs returns the attributes of an object in the order of the file.
func (f *File) pairs(x *config.Expression, write string) (items []item) {
	if x == nil {
		return nil
	}
	object, is := x.Syntax().(*hclsyntax.ObjectConsExpr)
	if !is || len(object.Items) == 0 {
		f.problemf(x.Range(), "Write "+write+".", "expected an object with names and types")
		return nil
	}
	for _, i := range object.Items {
		one := item{nameAt: i.KeyExpr.Range(), valueAt: i.ValueExpr.Range()}
		for _, part := range []struct {
			syntax hclsyntax.Expression
			into   *string
		}{{i.KeyExpr, &one.name}, {i.ValueExpr, &one.text}} {
			v, diags := x.Evaluate(part.syntax, nil)
			f.Report.Add(diags...)
			if diags.HasErrors() {
				return nil
			}
			if v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
				f.problemf(part.syntax.Range(), "Write "+write+".", "this is not a text")
				return nil
			}
			*part.into = v.AsString()
		}
		items = append(items, one)
	}
	return items
}

// evaluate returns the value of an expression; false: it has a problem, which the report has.
func (f *File) evaluate(x *config.Expression) (cty.Value, bool) {
	if len(x.CheckNames()) > 0 { // reported when the block was read
		return cty.DynamicVal, false
	}
	v, diags := x.Evaluate(x.Syntax(), nil)
	f.Report.Add(diags...)
	return v, !diags.HasErrors() && v.IsWhollyKnown()
}

// placeOf returns the places of an attribute of an object: its name and its value. They are those of the expression when that is no
// object constructor with the name.
func placeOf(x *config.Expression, name string) (nameAt, valueAt hcl.Range) {
	object, is := x.Syntax().(*hclsyntax.ObjectConsExpr)
	if is {
		for _, i := range object.Items {
			v, diags := x.Evaluate(i.KeyExpr, nil)
			if !diags.HasErrors() && v.IsKnown() && !v.IsNull() && v.Type() == cty.String && v.AsString() == name {
				return i.KeyExpr.Range(), i.ValueExpr.Range()
			}
		}
	}
	return x.Range(), x.Range()
}

// unknownTable is the problem of a table that the file does not declare.
func (f *File) unknownTable(at hcl.Range, name string) {
	var names []string
	for _, t := range f.Tables {
		names = append(names, t.String())
	}
	hint := config.Suggest(name, names)
	if hint == "" {
		hint = fmt.Sprintf("Declare it: table %q { columns = { id = \"int8\" } }.", name)
	}
	f.problemf(at, hint, "there is no table %q", name)
}
