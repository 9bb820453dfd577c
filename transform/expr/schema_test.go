package expr_test

import (
	stdjson "encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
)

// conforms is a validator for the keywords that JSONSchema uses.
func conforms(schema map[string]any, v any) error {
	if alternatives, is := schema["anyOf"].([]any); is {
		for _, s := range alternatives {
			if conforms(s.(map[string]any), v) == nil {
				return nil
			}
		}
		return fmt.Errorf("%v is none of %v", v, alternatives)
	}
	if labels, is := schema["enum"].([]any); is && !slices.ContainsFunc(labels, func(l any) bool { return reflect.DeepEqual(l, v) }) {
		return fmt.Errorf("%v is none of %v", v, labels)
	}
	if t, is := schema["type"]; is && !hasType(t, v) {
		return fmt.Errorf("%v is not of type %v", v, t)
	}
	switch v := v.(type) {
	case map[string]any:
		return conformsObject(schema, v)
	case []any:
		first, _ := schema["prefixItems"].([]any)
		for i, e := range v {
			s, is := schema["items"].(map[string]any)
			switch {
			case i < len(first):
				s, is = first[i].(map[string]any), true
			case schema["items"] == false:
				return fmt.Errorf("element %d is one too many", i)
			}
			if is {
				if err := conforms(s, e); err != nil {
					return fmt.Errorf("element %d: %w", i, err)
				}
			}
		}
	}
	return nil
}

func conformsObject(schema map[string]any, v map[string]any) error {
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, has := v[name.(string)]; !has {
			return fmt.Errorf("%s is missing", name)
		}
	}
	for name, e := range v {
		s, is := properties[name].(map[string]any)
		if !is {
			if more, is := schema["additionalProperties"].(map[string]any); is {
				s = more
			} else if schema["additionalProperties"] == false {
				return fmt.Errorf("%s is not expected", name)
			}
		}
		if err := conforms(s, e); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func hasType(t, v any) bool {
	if list, is := t.([]any); is {
		return slices.ContainsFunc(list, func(t any) bool { return hasType(t, v) })
	}
	switch v := v.(type) {
	case nil:
		return t == "null"
	case bool:
		return t == "boolean"
	case stdjson.Number:
		return t == "number" || t == "integer" && !strings.ContainsAny(v.String(), ".eE")
	case string:
		return t == "string"
	case []any:
		return t == "array"
	}
	return t == "object"
}

// decode returns the JSON value of a text.
func decode(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := stdjson.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// TestValuesConformToTheirSchemas evaluates expressions over a full and an empty row, and checks the results by the schemas.
func TestValuesConformToTheirSchemas(t *testing.T) {
	typ := func(name string, kind capture.TypeKind) *capture.Type {
		return &capture.Type{Schema: "pg_catalog", Name: name, Kind: kind}
	}
	table := &capture.Table{Schema: "public", Name: "t", Key: []int{0}}
	row, empty := []capture.Value{}, []capture.Value{}
	for i, c := range []struct {
		name, value string
		typ         *capture.Type
	}{
		{"id", "1", typ("int8", capture.KindInt)},
		{"flag", "t", typ("bool", capture.KindBool)},
		{"total", "12.50", typ("numeric", capture.KindNumeric)},
		{"ratio", "NaN", typ("float8", capture.KindFloat)},
		{"name", "a", typ("text", capture.KindText)},
		{"day", "2026-01-01", typ("date", capture.KindDate)},
		{"at", "2026-01-01 00:00:00+00", typ("timestamptz", capture.KindTimestampTZ)},
		{"raw", `\x00ff`, typ("bytea", capture.KindBytes)},
		{"doc", `{"a": [1, null]}`, typ("jsonb", capture.KindJSON)},
		{"tags", "{{1,2},{3,NULL}}", &capture.Type{Name: "_int4", Kind: capture.KindArray, Elem: typ("int4", capture.KindInt), Delim: ','}},
		{"pairs", `"a"=>"1", "b"=>NULL`, typ("hstore", capture.KindHstore)},
		{"mood", "sad", &capture.Type{Name: "mood", User: &capture.UserType{Kind: capture.UserEnum, Labels: []string{"happy", "sad"}}}},
		{"home", "(a,)", &capture.Type{Name: "address", Kind: capture.KindComposite, Fields: []capture.Field{
			{Name: "street", Type: typ("text", capture.KindText)}, {Name: "no", Type: typ("int4", capture.KindInt)},
		}}},
	} {
		table.Columns = append(table.Columns, capture.Column{Name: c.name, Type: c.typ, Modifier: -1, Nullable: i > 0, Key: i == 0, Identity: true})
		row = append(row, capture.Value{Kind: capture.Text, Bytes: []byte(c.value)})
		if i > 0 {
			empty = append(empty, capture.Value{})
		} else {
			empty = append(empty, row[0])
		}
	}
	for _, numbers := range []bool{false, true} {
		conformAll(t, expr.Shape{Table: table, Op: capture.Insert, NumericAsNumber: numbers}, row, empty)
	}
}

// conformAll checks the values of expressions over rows by their schemas.
func conformAll(t *testing.T, shape expr.Shape, rows ...[]capture.Value) {
	t.Helper()
	for _, text := range []string{
		"row.id", "row.flag", "row.total", "row.ratio", "row.name", "row.day", "row.at", "row.raw", "row.doc", "row.tags", "row.pairs", "row.mood", "row.home",
		"row.doc.a", "row.tags[0]", "row.home.street", "row", "op", "old.name", "tx.time", "tx.annotations", "tx.xid",
		"row.id + 1", "row.total * 2", "row.ratio + 1", "row.total > 1", `"a${row.name}"`, "[row.id, row.name]", "[]", "{}",
		"{ id = row.id, (row.name) = 1 }", `{ "a b" = { c = [row.id], d = null }, e = row }`, "row.flag ? row.id : null", "row.flag ? row.id : row.name",
		"[for e in row.tags : e]", "{ for k, v in row.pairs : k => v }", "upper(row.name)", "strlen(row.name)", "length(row.tags)", "jsonencode(row.doc)", "(row.id)",
	} {
		r := rowOf(t, text, expr.Names{})
		schema, diags := r.JSONSchema(shape)
		if diags.HasErrors() {
			t.Errorf("%s: %v", text, diags)
			continue
		}
		written, err := stdjson.Marshal(schema)
		if err != nil {
			t.Fatal(err)
		}
		v, diags := r.Value(shape)
		if diags.HasErrors() {
			t.Errorf("%s: %v", text, diags)
			continue
		}
		for _, after := range rows {
			in := &expr.Input{Change: &capture.Change{Tx: &capture.Tx{XID: 1}, Op: capture.Insert, Table: shape.Table, After: after}}
			got, err := v.AppendJSON(nil, in)
			if err != nil {
				continue // such as a null key of an object
			}
			if err := conforms(decode(t, written).(map[string]any), decode(t, got)); err != nil {
				t.Errorf("%s gives %s, and its schema is %s: %v", text, got, written, err)
			}
		}
	}
}
