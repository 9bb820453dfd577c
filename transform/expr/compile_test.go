package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
)

// TestSameAsHCL compares a compiled template with what HCL's own evaluator makes of the whole expression.
func TestSameAsHCL(t *testing.T) {
	for _, text := range []string{
		`"${table.schema}"`, `table.name`, `(table.name)`, `"a${(table.name)}b"`, `"${"${table.name}"}"`, `"${"x"}${1}${true}${table.name}"`,
		`upper(table.name)`, `table.name == "orders" ? "a" : table.schema`, `"${[for x in [table.name] : upper(x)][0]}"`,
		`"%{ for x in split("d", table.name) }[${x}]%{ endfor }"`, `"%{ if table.schema == "public" ~}  a  %{~ else ~} b %{~ endif }"`,
		`[table.schema, table.name][1]`, `{ "orders" = "o", "x" = "y" }[table.name]`, `local.topics[table.name]`, `"${local.n + 1}.${table.name}"`,
		`try(local.topics["none"], table.name)`, `"${join("-", [table.schema, table.name])}"`, `"${local.n}"`, `5`, `local.n`,
		`"<${table.name != "orders" ? "x" : ""}>"`, "<<EOT\n  ${table.schema}\n  .${table.name}\nEOT\n",
	} {
		e := mustLoad(t, `topics = { orders = "T" }`+"\nn = 41", "topic = "+text, config.Options{}).Topic
		tpl := mustCompile(t, e)
		want, ok := whole(e, "public", "orders")
		if got, err := tpl.Eval("public", "orders"); !ok || err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q, %t", text, got, err, want, ok)
		}
	}
}

// TestNamesAreExact compares bytes that HCL's evaluator would normalize: the two tables would have one topic.
func TestNamesAreExact(t *testing.T) {
	tpl, err := parse("t.${table.name}")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"caf\u00e9", "cafe\u0301"} {
		if got, err := tpl.Eval("s", name); got != "t."+name || err != nil {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

// TestProblemsAreAtTheirTokens expects each problem at the text between » and «.
func TestProblemsAreAtTheirTokens(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`"a.${»tabel«.name}"`, `"tabel" is not known here: Did you mean "table"?`},
		{`"a.${»table.nam«}"`, `this is not known of a table: Did you mean "table.name"?`},
		{`"a.${»table.name.x«}"`, `this is not known of a table: A table has table.schema and table.name.`},
		{`"a.${upper(»table["name"]«)}"`, `this is not known of a table: A table has table.schema and table.name.`},
		{`try(»table.oid«, "a")`, `this is not known of a table: A table has table.schema and table.name.`},
		{`"${»row.id«}"`, `row values are not known here: A topic that depends on a row's values belongs to a block of its own`},
		{`»op« == "read" ? "a" : "b"`, `"op" is not known here: A topic that depends on a row's values belongs to a block of its own`},
		{`"${»tx.lsn«}"`, `"tx" is not known here: A topic that depends`},
		{`"${»local.none«}.${»table.nam«}"`, `there is no local.none|this is not known of a table`},
		{`"${»upeer«(table.name)}"`, `there is no function "upeer": Did you mean "upper"?`},
		{`"${upper(»[1]«)}.${table.name}"`, `invalid function argument`},
		{`»[table.name]«`, `this does not give a text: Write a string such as`},
		{`»[1]«`, `this is not a text: Write a string such as`},
	} {
		plain := strings.NewReplacer("»", "", "«", "").Replace(c.text)
		_, report := load(t, "", "topic = "+plain, config.Options{})
		var got []string
		marked := plain // from the end, so that the columns stay right
		for i := len(report.Diagnostics) - 1; i >= 0; i-- {
			d := report.Diagnostics[i]
			got = append([]string{d.Summary + ": " + d.Detail}, got...)
			from, to := d.Subject.Start.Column-1-len("topic = "), d.Subject.End.Column-1-len("topic = ")
			marked = marked[:from] + "»" + marked[from:to] + "«" + marked[to:]
		}
		for i, want := range strings.Split(c.want, "|") {
			if i >= len(got) || !strings.Contains(got[i], want) {
				t.Errorf("%s: %q, want %q", plain, got, want)
			}
		}
		if marked != c.text {
			t.Errorf("marked %s, want %s", marked, c.text)
		}
	}
}

func TestLimits(t *testing.T) {
	list := "[" + strings.Repeat("1, ", 10_000) + "table.name]"
	_, report := load(t, "", `topic = join("", `+list+`)`, config.Options{})
	if !strings.Contains(report.String(), "error: the expression is too long") {
		t.Errorf("10,000 values:\n%.300s", report)
	}
	_, report = load(t, "", `topic = join("", [for i in range(1000) : "`+strings.Repeat("x", 100)+`"])`, config.Options{})
	if !strings.Contains(report.String(), "error: the text is too long") || !strings.Contains(report.String(), "It has 100000 bytes; a text of a template has at most 65536.") {
		t.Errorf("a constant of 100,000 bytes:\n%.300s", report)
	}
	s := mustLoad(t, "", `topic = join("", [for i in range(100) : table.name])`+"\nother = \"${table.name}${table.name}\"", config.Options{})
	for i, e := range []*config.Expression{s.Topic, s.Other} {
		if got, err := mustCompile(t, e).Eval("s", strings.Repeat("x", 33_000)); err == nil || !strings.Contains(err.Error(), "the text is too long") {
			t.Errorf("%d: %.20q, %v", i, got, err)
		}
	}
}

// An error of Eval shows what a file has, and no value that may be a secret.
func TestEvalErrors(t *testing.T) {
	locals := `topics = { orders = "T" }` + "\n" + `secrets = { "${file("/s")}" = "T" }`
	for text, want := range map[string]string{
		`"${local.topics[table.name]}"`:                                           "f.hcl:8: invalid index: The given key does not identify an element",
		`"${local.secrets[table.name]}"`:                                          "f.hcl:8: invalid index",
		`regex(file("/s"), table.name)`:                                           "f.hcl:8: regex()",
		`"x${table.name == "lines" ? null : "a"}"`:                                "f.hcl:8: this does not give a text: Write a string such as",
		`"${table.name == "lines" ? [1][5] : 1}"`:                                 "f.hcl:8: invalid index",
		`"${jsondecode("{\"lines\": ${table.name == "lines" ? "" : 1}}").lines}"`: "f.hcl:8: jsondecode()",
	} {
		s := mustLoad(t, locals, "topic = "+text, config.Options{})
		_, err := mustCompile(t, s.Topic).Eval("public", "lines")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", text, err)
		}
		if s.Topic.Secret() && strings.Contains(fmt.Sprint(err), "The given key") {
			t.Errorf("%s: a detail next to a secret: %v", text, err)
		}
	}
}

// TestExpressionsPrintNoValues prints settings under verbs that reach into structs.
func TestExpressionsPrintNoValues(t *testing.T) {
	s := mustLoad(t, `secret = file("/s")`, `topic = "${local.secret}.${table.name}"`, config.Options{})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{s, *s, s.Topic} {
			if out := fmt.Sprintf(verb, v); strings.Contains(out, "CANARY") {
				t.Errorf("%s: %s", verb, out)
			}
		}
	}
	if tpl, diags := expr.NewTemplate(nil); tpl != nil || diags != nil {
		t.Errorf("nil: %v, %v", tpl, diags)
	}
}
