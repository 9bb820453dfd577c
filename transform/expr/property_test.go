package expr_test

import (
	stdjson "encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"pgregory.net/rapid"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
)

// generated is a random expression that HCL's evaluator and this package give the same meaning: no nulls, no division that is not
// finite, no comparison of different types.
type generated struct{ t *rapid.T }

func (g generated) pick(label string, of ...string) string {
	return rapid.SampledFrom(of).Draw(g.t, label)
}

func (g generated) number(depth int) string {
	if depth == 0 {
		return g.pick("number", "row.a", "row.b", "row.n", "0", "1", "7", "2.5", "-3", "0.125", "9223372036854775807", "row.doc.x", "row.list[1]")
	}
	x, y := g.number(depth-1), g.number(depth-1)
	switch rapid.IntRange(0, 8).Draw(g.t, "number kind") {
	case 0, 1:
		return "(" + x + " " + g.pick("op", "+", "-", "*") + " " + y + ")"
	case 2:
		return "(-" + x + ")"
	case 3:
		return g.pick("f1", "abs", "ceil", "floor", "int", "signum") + "(" + x + ")"
	case 4:
		return g.pick("f2", "min", "max") + "(" + x + ", " + y + ")"
	case 5:
		return "(" + g.condition(depth-1) + " ? " + x + " : " + y + ")"
	case 6:
		return "strlen(" + g.text(depth-1) + ")"
	case 7:
		return "length(" + g.list(depth-1) + ")"
	}
	return "(" + x + " / " + g.pick("divisor", "2", "8", "-4", "0.25") + ")"
}

func (g generated) text(depth int) string {
	if depth == 0 {
		return g.pick("text", "row.s", "row.t", `"a"`, `""`, `"Grüße"`, `"x y"`, "row.doc.s", "row.list[0]")
	}
	x := g.text(depth - 1)
	switch rapid.IntRange(0, 7).Draw(g.t, "text kind") {
	case 0:
		return `"<${` + x + `}|${` + g.text(depth-1) + `}>"`
	case 1:
		return g.pick("t1", "upper", "lower", "trimspace", "strrev", "sha256", "chomp") + "(" + x + ")"
	case 2:
		return "replace(" + x + ", " + g.text(depth-1) + `, "-")`
	case 3:
		return "(" + g.condition(depth-1) + " ? " + x + " : " + g.text(depth-1) + ")"
	case 4:
		return "substr(" + x + ", " + g.pick("offset", "0", "1", "2", "-1") + ", " + g.pick("length", "1", "2", "-1") + ")"
	case 5:
		return g.pick("t2", "trim", "trimprefix", "trimsuffix") + "(" + x + ", " + g.text(depth-1) + ")"
	case 6:
		return `join(",", ` + g.texts(depth-1) + ")"
	}
	return x
}

func (g generated) texts(depth int) string {
	if depth == 0 {
		return "[" + g.text(0) + ", " + g.text(0) + "]"
	}
	switch rapid.IntRange(0, 3).Draw(g.t, "texts kind") {
	case 0:
		return "split(" + g.pick("sep", `"a"`, `""`, `" "`) + ", " + g.text(depth-1) + ")"
	case 1:
		return "[for x in " + g.texts(depth-1) + " : upper(x) if x != row.s]"
	case 2:
		return "sort(" + g.texts(depth-1) + ")"
	}
	return "concat(" + g.texts(depth-1) + ", " + g.texts(0) + ")"
}

func (g generated) list(depth int) string {
	if depth == 0 || rapid.Bool().Draw(g.t, "texts") {
		return g.texts(depth)
	}
	return "[for i, x in [" + g.number(depth-1) + ", " + g.number(depth-1) + "] : x + i]"
}

func (g generated) condition(depth int) string {
	if depth == 0 {
		return g.pick("condition", "row.p", "row.q", "true", "false", "row.a > 1", `row.s == "a"`)
	}
	switch rapid.IntRange(0, 5).Draw(g.t, "condition kind") {
	case 0:
		return "(" + g.condition(depth-1) + g.pick("logic", " && ", " || ") + g.condition(depth-1) + ")"
	case 1:
		return "!(" + g.condition(depth-1) + ")"
	case 2:
		return "(" + g.number(depth-1) + g.pick("order", " < ", " <= ", " > ", " >= ", " == ", " != ") + g.number(depth-1) + ")"
	case 3:
		return "(" + g.text(depth-1) + g.pick("equal", " == ", " != ") + g.text(depth-1) + ")"
	case 4:
		return "contains(" + g.texts(depth-1) + ", " + g.text(depth-1) + ")"
	}
	return g.pick("test", "startswith", "endswith", "strcontains") + "(" + g.text(depth-1) + ", " + g.text(depth-1) + ")"
}

func (g generated) any(depth int) string {
	switch rapid.IntRange(0, 4).Draw(g.t, "kind") {
	case 0:
		return g.number(depth)
	case 1:
		return g.text(depth)
	case 2:
		return g.condition(depth)
	case 3:
		return g.list(depth)
	}
	return "{ a = " + g.number(depth-1) + ", b = [" + g.text(depth-1) + "], c = " + g.condition(depth-1) + " }"
}

// sample is a row of the generated expressions.
type sample struct {
	a, b int64
	n    string
	s, t string
	p, q bool
}

var sampleTable = &capture.Table{Schema: "s", Name: "t", Columns: []capture.Column{
	{Name: "a", Type: int8Type},
	{Name: "b", Type: int8Type},
	{Name: "n", Type: numericType},
	{Name: "s", Type: textType},
	{Name: "t", Type: textType},
	{Name: "p", Type: boolType},
	{Name: "q", Type: boolType},
	{Name: "doc", Type: jsonType},
	{Name: "list", Type: jsonType},
}}

func (s sample) doc() string  { return fmt.Sprintf(`{"x": %s, "s": %s}`, s.n, quoted(s.t)) }
func (s sample) list() string { return fmt.Sprintf(`[%s, %d]`, quoted(s.s), s.b) }

func quoted(s string) string {
	b, _ := stdjson.Marshal(s)
	return string(b)
}

func (s sample) row() []capture.Value {
	boolText := map[bool]string{true: "t", false: "f"}
	return []capture.Value{
		text(fmt.Sprint(s.a)), text(fmt.Sprint(s.b)), text(s.n), text(s.s), text(s.t), text(boolText[s.p]), text(boolText[s.q]), text(s.doc()), text(s.list()),
	}
}

func (s sample) names() map[string]cty.Value {
	decoded := func(text string) cty.Value {
		typ, err := ctyjson.ImpliedType([]byte(text))
		if err != nil {
			panic(err)
		}
		v, err := ctyjson.Unmarshal([]byte(text), typ)
		if err != nil {
			panic(err)
		}
		return v
	}
	return map[string]cty.Value{"row": cty.ObjectVal(map[string]cty.Value{
		"a": cty.NumberIntVal(s.a), "b": cty.NumberIntVal(s.b), "n": cty.MustParseNumberVal(s.n), "s": cty.StringVal(s.s), "t": cty.StringVal(s.t),
		"p": cty.BoolVal(s.p), "q": cty.BoolVal(s.q), "doc": decoded(s.doc()), "list": decoded(s.list()),
	})}
}

// TestSameAsHCLOnRows compares random expressions over random rows with HCL's own evaluator.
func TestSameAsHCLOnRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source := generated{t}.any(rapid.IntRange(1, 3).Draw(t, "depth"))
		texts := rapid.StringOf(rapid.SampledFrom([]rune("ab xü\"\\\n")))
		s := sample{
			a: rapid.Int64Range(-1e9, 1e9).Draw(t, "a"), b: rapid.Int64Range(-5, 5).Draw(t, "b"),
			n: rapid.SampledFrom([]string{"0", "1.50", "-0.125", "1234567890123.125", "100"}).Draw(t, "n"),
			s: texts.Draw(t, "s"), t: texts.Draw(t, "t"), p: rapid.Bool().Draw(t, "p"), q: rapid.Bool().Draw(t, "q"),
		}
		e, err := config.ParseTemplate("${" + source + "}")
		if err != nil || e == nil {
			return
		}
		want, diags := e.Evaluate(e.Syntax(), s.names())
		if diags.HasErrors() || want.IsNull() {
			return
		}
		r, diags := expr.NewRow(e, expr.Names{})
		if diags.HasErrors() {
			t.Fatalf("%s: %v", source, diags)
		}
		v, diags := r.Value(expr.Shape{Table: sampleTable, Op: capture.Insert})
		if diags.HasErrors() {
			t.Fatalf("%s: %v", source, diags)
		}
		out, err := v.AppendJSON(nil, change(capture.Insert, sampleTable, nil, s.row()))
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		whole, err := ctyjson.Marshal(want, want.Type())
		if err != nil {
			t.Fatal(err)
		}
		if a, b := normalized(t, out), normalized(t, whole); a != b {
			t.Fatalf("%s over %+v: %s, HCL gives %s", source, s, a, b)
		}
	})
}

// normalized prints JSON with one form of each number, also of a numeric, which is a string.
func normalized(t *rapid.T, text []byte) string {
	d := stdjson.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return fmt.Sprint(plain(v))
}

func plain(v any) any {
	switch v := v.(type) {
	case stdjson.Number:
		return plainNumber(string(v))
	case string:
		return plainNumber(v)
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

func plainNumber(s string) string {
	if r, ok := new(big.Rat).SetString(s); ok && strings.Trim(s, "0123456789-+.eE") == "" {
		return "#" + r.RatString()
	}
	return fmt.Sprintf("%q", s)
}
