package expr_test

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
)

// FuzzTemplate compares each template with what HCL's own evaluator makes of the whole expression: the same text, or both have
// none. The text and the table's name are ASCII: HCL normalizes other characters.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{
		"orders", "a.${table.schema}.${table.name}", `%{ if table.name == "t" }x%{ else }${table.schema}%{ endif ~} y`,
		`${upper("${table.name}")}${1}${[table.name][0]}`, `%{ for x in [table.name, "b"] }${x},%{ endfor }`, "${null}", "${(table.name)}$${x}%%{",
		`${table.name == "t" ? null : "a"}`, `${regex("^x.*", table.name)}`,
	} {
		f.Add(text, "t")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		if len(text) > 200 || strings.ContainsFunc(text+name, func(c rune) bool { return c > 126 }) || strings.Count(text, "for") > 1 {
			return
		}
		e, err := config.ParseTemplate(text)
		if err != nil || e == nil {
			return
		}
		tpl, diags := expr.NewTemplate(e)
		if diags.HasErrors() != (tpl == nil) {
			t.Fatalf("%s: %v, %v", text, tpl, diags)
		}
		if tpl == nil {
			return
		}
		got, err := tpl.Eval("s", name)
		want, ok := whole(e, "s", name)
		if (err == nil) != ok || got != want {
			t.Errorf("%s of %q: %q, %v; HCL gives %q, %t", text, name, got, err, want, ok)
		}
		if rx := tpl.Pattern(); ok && !rx.MatchString(want) {
			t.Errorf("%s of %q: %s does not match %q", text, name, rx, want)
		}
	})
}

// whole returns the text that HCL's evaluator makes of an expression for a table; ok is false when it makes none.
func whole(e *config.Expression, schema, name string) (text string, ok bool) {
	v, diags := e.Evaluate(e.Syntax(), map[string]cty.Value{
		"table": cty.ObjectVal(map[string]cty.Value{"schema": cty.StringVal(schema), "name": cty.StringVal(name)}),
	})
	if diags.HasErrors() {
		return "", false
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil || s.IsNull() {
		return "", false
	}
	return s.AsString(), true
}
