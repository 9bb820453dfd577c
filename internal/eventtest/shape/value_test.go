package shape_test

import (
	"math/big"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/eventtest/shape"
)

func number(t *testing.T, digits string) cty.Value {
	t.Helper()
	v, err := cty.ParseNumberVal(digits)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestValuesHaveTheTextOfPostgres compares with what a server prints for the same values.
func TestValuesHaveTheTextOfPostgres(t *testing.T) {
	types := shape.NewTypes()
	types.Enum("public.mood", []string{"so so"})
	if err := types.Domain("public.euro", "numeric(8,2)"); err != nil {
		t.Fatal(err)
	}
	types.Composite("public.address", []capture.Field{
		{Name: "street", Type: &capture.Type{Name: "text"}, Modifier: -1},
		{Name: "no", Type: &capture.Type{Name: "int4", Kind: capture.KindInt}, Modifier: -1},
	})
	text := cty.StringVal
	for _, c := range []struct {
		typ   string
		value cty.Value
		want  string
	}{
		{"boolean", cty.True, "t"},
		{"bool", cty.False, "f"},
		{"smallint", number(t, "-1"), "-1"},
		{"bigint", number(t, "9223372036854775807"), "9223372036854775807"},
		{"int8", text("9007199254740993"), "9007199254740993"},
		{"real", text("NaN"), "NaN"},
		{"double precision", number(t, "0.1"), "0.1"},
		{"float8", number(t, "1e20"), "1e+20"},
		{"float8", number(t, "100000000000000"), "100000000000000"},
		{"float8", number(t, "1000000000000000"), "1e+15"},
		{"float4", number(t, "1000000"), "1e+06"},
		{"float8", number(t, "0.00001"), "1e-05"},
		{"numeric(30,3)", number(t, "123456789012345678901234567.1"), "123456789012345678901234567.100"},
		{"numeric", text("12.50"), "12.50"},
		{"numeric(5,0)", number(t, "12"), "12"},
		{"numeric(5,2)", number(t, "-1"), "-1.00"},
		{"text", text(""), ""},
		{"char(3)", text("a"), "a  "},
		{"varchar(10)", text("a"), "a"},
		{"bytea", text(`\x00FF`), `\x00ff`},
		{"json", cty.ObjectVal(map[string]cty.Value{"a": cty.NumberIntVal(1)}), `{"a":1}`},
		{"jsonb", cty.ObjectVal(map[string]cty.Value{"bb": cty.NumberIntVal(1), "c": text("<"), "a": cty.NullVal(cty.String)}), `{"a": null, "c": "<", "bb": 1}`},
		{"jsonb", text(`{"b":[1,{}],"a":1.50}`), `{"a": 1.50, "b": [1, {}]}`},
		{"date", text("infinity"), "infinity"},
		{"date", text("2026-11-23"), "2026-11-23"},
		{"timestamp", text("2026-01-02T03:04:05.6"), "2026-01-02 03:04:05.6"},
		{"timestamp(0) without time zone", text("2026-01-02 03:04:05"), "2026-01-02 03:04:05"},
		{"timestamptz", text("2026-01-02T05:04:05+02:00"), "2026-01-02 03:04:05+00"},
		{"timestamp with time zone", text("2026-01-02 03:04:05+00"), "2026-01-02 03:04:05+00"},
		{"int[]", cty.TupleVal([]cty.Value{
			cty.TupleVal([]cty.Value{cty.NumberIntVal(1), cty.NumberIntVal(2)}), cty.TupleVal([]cty.Value{cty.NumberIntVal(3), cty.NullVal(cty.Number)}),
		}), "{{1,2},{3,NULL}}"},
		{"numeric(5,1)[]", cty.TupleVal([]cty.Value{cty.NumberIntVal(1)}), "{1.0}"},
		{"text[]", cty.TupleVal([]cty.Value{text("so so"), text("null"), text(""), text(`a"\`), text("a")}), `{"so so","null","","a\"\\",a}`},
		{"text[]", cty.EmptyTupleVal, "{}"},
		{"jsonb[]", cty.TupleVal([]cty.Value{cty.TupleVal([]cty.Value{cty.NumberIntVal(1)})}), `{[1]}`},
		{"public.mood", text("so so"), "so so"},
		{"public.mood[]", cty.TupleVal([]cty.Value{text("so so")}), `{"so so"}`},
		{"public.euro", cty.NumberIntVal(5), "5.00"},
		{"public.address", cty.ObjectVal(map[string]cty.Value{"street": text(`a "b"`), "no": cty.NumberIntVal(7)}), `("a ""b""",7)`},
		{"public.address", cty.ObjectVal(map[string]cty.Value{"street": text("a")}), `(a,)`},
		{"hstore", cty.ObjectVal(map[string]cty.Value{"a": text("1"), "b": cty.NullVal(cty.String)}), `"a"=>"1", "b"=>NULL`},
		{"oid", number(t, "4294967295"), "4294967295"},
		{"NUMERIC", number(t, "1"), "1"},
	} {
		typ, modifier, nullable, err := types.Parse(c.typ)
		if err != nil || !nullable {
			t.Errorf("%s: %v, nullable %t", c.typ, err, nullable)
			continue
		}
		got, err := shape.Value(typ, modifier, c.value)
		if err != nil || got.Kind != capture.Text || string(got.Bytes) != c.want {
			t.Errorf("%s: %q, %v, want %q", c.typ, got.Bytes, err, c.want)
		}
	}
	typ, _, nullable, err := types.Parse("text  NOT NULL")
	if err != nil || nullable {
		t.Errorf("not null: %v, nullable %t", err, nullable)
	}
	if v, err := shape.Value(typ, -1, cty.NullVal(cty.DynamicPseudoType)); err != nil || v.Kind != capture.Null {
		t.Errorf("null: %v, %v", v, err)
	}
	if v, err := shape.Value(&capture.Type{Name: "float8", Kind: capture.KindFloat}, -1, cty.NumberVal(big.NewFloat(1.5))); err != nil || v.String() != "1.5" {
		t.Errorf("float: %v, %v", v, err)
	}
}

// TestInlineColumns has the types whose values an update may leave out: those that can be stored out of line.
func TestInlineColumns(t *testing.T) {
	types := shape.NewTypes()
	types.Enum("mood", []string{"a"})
	if err := types.Domain("code", "varchar(5)"); err != nil {
		t.Fatal(err)
	}
	for typ, inline := range map[string]bool{
		"int": true, "uuid": true, "timestamptz": true, "mood": true, "varchar(5)": true, "varchar(6)": false, "numeric(10,2)": true,
		"numeric": false, "text": false, "jsonb": false, "int[]": false, "inet": true, "code": true, "bytea": false,
	} {
		table, _, err := types.NewTable("public.t", []shape.Column{{Name: "c", Type: typ}}, nil, shape.Identity{})
		if err != nil || table.Columns[0].Inline != inline {
			t.Errorf("%s: %v, inline %t", typ, err, !inline)
		}
	}
}
