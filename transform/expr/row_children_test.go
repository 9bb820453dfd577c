package expr_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
)

// A row of an older shape lacks a column that later ones have.
func TestLaterColumns(t *testing.T) {
	s := shapeOf(capture.Insert)
	s.Later = map[string]*capture.Type{"discount": numericType}
	v, diags := rowOf(t, `{ d = row.discount, e = coalesce(row.discount, 0) }`, expr.Names{}).Value(s)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if out, err := v.AppendJSON(nil, change(capture.Insert, s.Table, nil, values())); string(out) != `{"d":null,"e":0}` || err != nil {
		t.Errorf("%s, %v", out, err)
	}
}

func TestChildren(t *testing.T) {
	lines := &capture.Table{Schema: "public", Name: "lines", Columns: []capture.Column{
		{Name: "order_id", Type: int8Type}, {Name: "sku", Type: textType}, {Name: "qty", Type: int8Type}, {Name: "price", Type: numericType},
	}}
	names := expr.Names{Child: true, Lists: []string{"lines"}}
	s := shapeOf(capture.Insert)
	s.Child, s.Children = lines, map[string]*capture.Table{"lines": lines}
	in := change(capture.Insert, s.Table, nil, values())
	in.Children = map[string][][]capture.Value{"lines": {
		{text("42"), text("a"), text("2"), text("1.50")}, {text("42"), text("b\"c"), {}, text("3")},
	}}
	in.Child = in.Children["lines"][0]
	for source, want := range map[string]string{
		`child.order_id == row.id`: `true`,
		`{ id = row.id, lines = [for l in lines : { sku = l.sku, qty = l.qty, sum = l.qty * l.price }] }`: `{"id":42,"lines":[{"sku":"a","qty":2,"sum":"3.00"},{"sku":"b\"c","qty":null,"sum":null}]}`,
		`lines`:                                `[{"order_id":42,"sku":"a","qty":2,"price":"1.50"},{"order_id":42,"sku":"b\"c","qty":null,"price":"3"}]`,
		`[for l in lines : l if l.sku == "a"]`: `[{"order_id":42,"sku":"a","qty":2,"price":"1.50"}]`,
		`lines[1].sku`:                         `"b\"c"`, `length(lines)`: `2`, `lines[*].sku`: `["a","b\"c"]`, `{ for l in lines : l.sku => l.qty }`: `{"a":2,"b\"c":null}`,
		`child`: `{"order_id":42,"sku":"a","qty":2,"price":"1.50"}`, `[for l in lines : merge(l, { x = row.id })][0].x`: `42`,
	} {
		v, diags := rowOf(t, source, names).Value(s)
		if diags.HasErrors() {
			t.Errorf("%s: %v", source, diags)
			continue
		}
		if out, err := v.AppendJSON(nil, in); string(out) != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", source, out, err, want)
		}
	}
	_, diags := rowOf(t, `[for l in lines : l.skuu]`, names).Value(s)
	if !strings.Contains(diags.Error(), `public.lines has no column skuu`) {
		t.Errorf("a wrong column of a child: %v", diags)
	}
}

// A row as an object has all of its columns.
func TestWholeRow(t *testing.T) {
	table := &capture.Table{Schema: "s", Name: "t", Columns: []capture.Column{{Name: "a", Type: int8Type, Identity: true}, {Name: "b", Type: numericType, Identity: true}}}
	s := expr.Shape{Table: table, Op: capture.Update}
	in := change(capture.Update, table, []capture.Value{text("1"), {}}, []capture.Value{text("1"), text("2.0")})
	for source, want := range map[string]string{
		`row`: `{"a":1,"b":"2.0"}`, `old`: `{"a":1,"b":null}`, `merge(row, { b = row.b + 1 })`: `{"a":1,"b":"3.0"}`, `[row, op]`: `[{"a":1,"b":"2.0"},"update"]`,
		`{ for k, v in row : upper(k) => v }`: `{"A":1,"B":"2.0"}`, `keys(row)`: `["a","b"]`, `row == old`: `false`, `old == null`: `false`, `jsonencode(row)`: `"{\"a\":1,\"b\":\"2.0\"}"`,
	} {
		v, diags := rowOf(t, source, expr.Names{}).Value(s)
		if diags.HasErrors() {
			t.Errorf("%s: %v", source, diags)
			continue
		}
		if out, err := v.AppendJSON(nil, in); string(out) != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", source, out, err, want)
		}
	}
}
