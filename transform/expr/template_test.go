package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
)

// parse returns the template of a text between quotes.
func parse(text string) (*expr.Template, error) {
	e, err := config.ParseTemplate(text)
	if err != nil {
		return nil, err
	}
	t, diags := expr.NewTemplate(e)
	if diags.HasErrors() {
		return nil, fmt.Errorf("compile template: %w", diags)
	}
	return t, nil
}

func TestTemplate(t *testing.T) {
	for _, c := range []struct {
		text, want string
		matches    []string
		not        []string
	}{
		{"orders.events", "orders.events", []string{"orders.events"}, []string{"ordersXevents", "orders.events2", "x\norders.events", "orders.events\n"}},
		{"cdc.${table.schema}.${table.name}", "cdc.public.Order Notes", []string{"cdc.a.b", "cdc.a\nb.c"}, []string{"cdc.a", "xcdc.a.b"}},
		{"${table.name}", "Order Notes", []string{"anything"}, nil},
		{"${lower(replace(table.name, \" \", \"_\"))}-x", "order_notes-x", []string{"order_notes-x"}, []string{"order_notes-y"}},
		{`${table.schema == "public" ? "" : "${table.schema}."}${table.name}`, "Order Notes", []string{"Order Notes", "s.t"}, nil},
		{`%{ if table.schema != "public" }${table.schema}.%{ endif }${upper("t")}`, "T", []string{"T", "s.T"}, []string{"s.t"}},
		{"", "", []string{""}, []string{"x"}},
		{"a%%{b}$${c}", "a%{b}${c}", []string{"a%{b}${c}"}, []string{"a"}},
	} {
		tpl, err := parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got, err := tpl.Eval("public", "Order Notes"); err != nil || got != c.want {
			t.Errorf("%s: %q, %v", c.text, got, err)
		}
		if text, constant := tpl.Constant(); constant != !strings.Contains(c.text, "table") || constant && text != c.want {
			t.Errorf("%s: constant %q, %v", c.text, text, constant)
		}
		rx := tpl.Pattern()
		for _, m := range append(c.matches, c.want) {
			if !rx.MatchString(m) {
				t.Errorf("%s: %s does not match %q", c.text, rx, m)
			}
		}
		for _, m := range c.not {
			if rx.MatchString(m) {
				t.Errorf("%s: %s matches %q", c.text, rx, m)
			}
		}
	}
}

func TestTemplateErrors(t *testing.T) {
	for text, want := range map[string]string{
		"${tabel.name}":        `Did you mean "table"?`,
		"${table.nam}":         `Did you mean "table.name"`,
		"${row.id}":            "row values are not known here",
		"${local.x}":           "there is no local.x",
		"${env(\"HOME\")}":     `there is no function "env"`,
		"${upper(\"a\", 2)}":   "too many function arguments",
		"${upper(table.name":   "parse template",
		"${[table.name]}x":     "invalid template interpolation value",
		"${split(table.name)}": "not enough function arguments",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	tpl, err := parse(`a.${regex("^x.*", table.name)}`)
	if err != nil {
		t.Fatal(err)
	}
	if topic, err := tpl.Eval("public", "orders"); err == nil || !strings.Contains(err.Error(), "evaluate template at template:1: regex()") {
		t.Errorf("a table that does not fit: %q, %v", topic, err)
	}
}
