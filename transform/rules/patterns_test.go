package rules_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/transform/rules"
)

func TestPatterns(t *testing.T) {
	for pattern, x := range map[string]struct{ matches, not string }{
		"public.orders":      {"public.orders", "public.order|Public.orders|public.orders2|xpublic.orders"},
		"public.a.b":         {"public.a.b", "public.a"},
		"public.*":           {"public.orders|public.", "publicx.orders"},
		"tenant_*.orders":    {"tenant_1.orders|tenant_.orders", "tenant.orders|tenant_1.orders_old"},
		"*.a*b*c":            {"s.abc|s.axxbyyc|s.abcc|s.abbc", "s.ab|s.acb|s.abcd"},
		"*.*":                {"a.b", ""},
		"public.*orders*":    {"public.orders|public.my_orders_2", "public.order"},
		"public.Order Notes": {"public.Order Notes", "public.order notes"},
	} {
		p, diags := rules.NewPatterns(hcl.Range{}, pattern)
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		for want, names := range map[bool]string{true: x.matches, false: x.not} {
			for _, name := range strings.FieldsFunc(names, func(c rune) bool { return c == '|' }) {
				schema, table, _ := strings.Cut(name, ".")
				if p.Match(schema, table) != want {
					t.Errorf("%s matches %s: %t", pattern, name, !want)
				}
			}
		}
	}
}

func TestPatternsThatAreNone(t *testing.T) {
	long := strings.Repeat("x", 64)
	for _, texts := range [][]string{{"orders"}, {"."}, {"a."}, {".a"}, {""}, {"a.\x00"}, {long + ".a"}, {"a." + long}, {"a.b", "a.b"}} {
		if _, diags := rules.NewPatterns(hcl.Range{Filename: "f"}, texts...); len(diags) != 1 || diags[0].Subject.Filename != "f" || diags[0].Detail == "" {
			t.Errorf("%q: %v", texts, diags)
		}
	}
}

func TestKeysOfPatterns(t *testing.T) {
	key := func(texts ...string) string {
		p, _ := rules.NewPatterns(hcl.Range{}, texts...)
		return p.Key()
	}
	if key("a.b", "c.d") != key("c.d", "a.b") || key("a.b") == key("a.c") || key("a.b", "c.d") == key("a.b") {
		t.Error("keys are not those of the sets")
	}
}
