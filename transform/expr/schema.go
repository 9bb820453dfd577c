package expr

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr/eval"
)

// JSONSchema is a JSON Schema (2020-12) as package json encodes it.
type JSONSchema map[string]any

// JSONSchema returns the schema of what Value.AppendJSON gives for a shape, as far as the types are known. What is in a json column can
// be anything.
func (r *Row) JSONSchema(s Shape) (JSONSchema, hcl.Diagnostics) {
	return r.schemaOf(r.expr, r.expr.Syntax(), s)
}

// SchemaOf returns the schema of the values of a type, without null.
func SchemaOf(t *capture.Type, numericAsNumber bool) JSONSchema {
	return schemas{numericAsNumber}.of(eval.OfColumn(t))
}

// schemaOf returns the schema of a part of the expression: an object and a list by their parts, whose columns show whether they can be
// null.
func (r *Row) schemaOf(x *config.Expression, part hclsyntax.Expression, s Shape) (JSONSchema, hcl.Diagnostics) {
	switch p := part.(type) {
	case *hclsyntax.ParenthesesExpr:
		return r.schemaOf(x, p.Expression, s)
	case *hclsyntax.ObjectConsExpr:
		return r.objectSchema(x, p, s)
	case *hclsyntax.TupleConsExpr:
		items := []any{}
		for _, item := range p.Exprs {
			one, diags := r.schemaOf(x, item, s)
			if diags.HasErrors() {
				return nil, diags
			}
			items = append(items, one)
		}
		return JSONSchema{"type": "array", "prefixItems": items, "items": false, "minItems": len(items)}, nil
	}
	own := &Row{expr: x.Part(part), names: r.names}
	v, diags := own.Value(s)
	if v == nil {
		return nil, diags
	}
	return v.schema(), nil
}

// schema returns the schema of a compiled value.
func (v *Value) schema() JSONSchema {
	n, to := v.program.Node, schemas{v.program.NumericAsNumber}
	if c := n.Column; c != nil && c.Table != nil && c.Index >= 0 && !c.Unchanged {
		own := to.of(n.Type)
		if !c.Table.Columns[c.Index].Nullable {
			return own
		}
		return nullable(own)
	}
	if n.IsConstant() {
		return to.of(n.Type)
	}
	return nullable(to.of(n.Type))
}

// objectSchema returns the schema of an object. A key that depends on the row makes its names unknown.
func (r *Row) objectSchema(x *config.Expression, o *hclsyntax.ObjectConsExpr, s Shape) (JSONSchema, hcl.Diagnostics) {
	properties, required := JSONSchema{}, []string{}
	for _, item := range o.Items {
		key, diags := x.Evaluate(item.KeyExpr, nil)
		if diags.HasErrors() || !key.IsKnown() || key.IsNull() || key.Type() != cty.String { // it depends on the row
			return JSONSchema{"type": "object"}, nil
		}
		value, diags := r.schemaOf(x, item.ValueExpr, s)
		if diags.HasErrors() {
			return nil, diags
		}
		name := key.AsString()
		properties[name] = value
		if s.Unchanged != Omit || !r.mayBeOmitted(x, item.ValueExpr, s) {
			required = append(required, name)
		}
	}
	return JSONSchema{"type": "object", "properties": properties, "required": required, "additionalProperties": false}, nil
}

// mayBeOmitted reports whether an attribute is left out when an update left its column unchanged.
func (r *Row) mayBeOmitted(x *config.Expression, part hclsyntax.Expression, s Shape) bool {
	v, _ := (&Row{expr: x.Part(part), names: r.names}).Value(s)
	return v == nil || v.program.Node.Column != nil && v.program.Node.Column.Unchanged
}

// nullable returns a schema that accepts null too.
func nullable(s JSONSchema) JSONSchema {
	typ, simple := s["type"].(string)
	_, listed := s["enum"]
	switch {
	case len(s) == 0 || typ == "null":
		return s
	case simple && !listed:
		with := JSONSchema{}
		for name, v := range s {
			with[name] = v
		}
		with["type"] = []string{typ, "null"}
		return with
	}
	return JSONSchema{"anyOf": []any{s, JSONSchema{"type": "null"}}}
}

// AcceptsNull reports whether null is one of the values of the schema.
func (s JSONSchema) AcceptsNull() bool {
	if alternatives, is := s["anyOf"].([]any); is {
		for _, a := range alternatives {
			if a.(JSONSchema).AcceptsNull() {
				return true
			}
		}
		return false
	}
	switch t := s["type"].(type) {
	case string:
		return t == "null"
	case []string:
		return slices.Contains(t, "null")
	}
	_, listed := s["enum"]
	return !listed
}

// schemas makes the schemas of types.
type schemas struct{ numericAsNumber bool }

// of returns the schema of the values of a type that are not null. An element of an array may be an array itself.
func (to schemas) of(t *eval.Type) JSONSchema {
	if t.Nested {
		own := *t
		own.Nested = false
		return JSONSchema{"anyOf": []any{to.of(&own), JSONSchema{"type": "array"}}}
	}
	switch t.Class {
	case eval.NullClass:
		return JSONSchema{"type": "null"}
	case eval.BoolClass:
		return JSONSchema{"type": "boolean"}
	case eval.NumberClass:
		return to.number(t)
	case eval.TextClass:
		return textSchema(t)
	case eval.TimeClass:
		return timeSchema(t)
	case eval.ListClass:
		return to.list(t)
	case eval.ObjectClass:
		return to.object(t)
	}
	return JSONSchema{}
}

// number has the forms of package jsonvalue. What is computed is a string if a numeric takes part in it.
func (to schemas) number(t *eval.Type) JSONSchema {
	kind, column := t.Kind()
	switch {
	case !column:
		return JSONSchema{"type": []string{"number", "string"}}
	case kind == capture.KindInt:
		return JSONSchema{"type": "integer"}
	case kind == capture.KindFloat, kind == capture.KindNumeric && to.numericAsNumber:
		return JSONSchema{"anyOf": []any{JSONSchema{"type": "number"}, JSONSchema{"enum": []string{"NaN", "Infinity", "-Infinity"}}}}
	}
	return JSONSchema{"type": "string", "description": "numeric, with all digits"}
}

func textSchema(t *eval.Type) JSONSchema {
	s := JSONSchema{"type": "string"}
	kind, column := t.Kind()
	if !column {
		return s
	}
	switch base := t.Postgres; {
	case kind == capture.KindBytes:
		s["contentEncoding"] = "base64"
	case kind == capture.KindInterval:
		s["format"] = "duration"
	case base.Name == "uuid" && base.User == nil:
		s["format"] = "uuid"
	case base.User != nil && base.User.Kind == capture.UserEnum:
		s["enum"] = base.User.Labels
	}
	return s
}

// timeSchema has formats only as annotations: infinity, and years that RFC 3339 does not have, are texts as well.
func timeSchema(t *eval.Type) JSONSchema {
	s := JSONSchema{"type": "string"}
	switch kind, _ := t.Kind(); kind {
	case capture.KindDate:
		s["format"] = "date"
	case capture.KindTimestampTZ:
		s["format"] = "date-time"
	}
	return s
}

func (to schemas) list(t *eval.Type) JSONSchema {
	s := JSONSchema{"type": "array"}
	if t.Elem != nil {
		s["items"] = nullable(to.of(t.Elem))
	}
	return s
}

// object has the fields of an object, which may be null and, in rows, missing.
func (to schemas) object(t *eval.Type) JSONSchema {
	s := JSONSchema{"type": "object"}
	if t.Elem != nil {
		s["additionalProperties"] = nullable(to.of(t.Elem))
		return s
	}
	if len(t.Fields) == 0 {
		return s
	}
	properties := JSONSchema{}
	for _, f := range t.Fields {
		properties[f.Name] = nullable(to.of(f.Type))
	}
	s["properties"] = properties
	if t.Closed {
		s["additionalProperties"] = false
	}
	return s
}
