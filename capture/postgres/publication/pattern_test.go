package publication

import "testing"

func TestPattern(t *testing.T) {
	for _, test := range []struct {
		pattern, schema, name string
		match                 bool
	}{
		{"public.orders", "public", "orders", true},
		{"public.orders", "public", "Orders", false},
		{"public.*", "public", "a.b", true},
		{"a.b.c", "a", "b.c", true},
		{"tenant_*.orders", "tenant_7", "orders", true},
		{"tenant_*.orders", "tenant_", "orders", true},
		{"tenant_*.orders", "public", "orders", false},
		{"*.*", "any", "thing", true},
		{"public.a*a", "public", "a", false},
		{"public.a*a", "public", "aa", true},
		{"public.*_old_*x", "public", "t_old_old_x", true},
		{"public.*_old_*x", "public", "t_old", false},
		{"public.a**b", "public", "axb", true},
		{"public.%", "public", "orders", false},
	} {
		p, err := ParsePattern(test.pattern)
		if err != nil || p.Match(test.schema, test.name) != test.match {
			t.Errorf("%s matches %s.%s: %v, %v", test.pattern, test.schema, test.name, !test.match, err)
		}
	}
	for _, bad := range []string{
		"", "orders", ".orders", "public.", "public.a\x00b",
		"public.0123456789012345678901234567890123456789012345678901234567890123",
	} {
		if p, err := ParsePattern(bad); err == nil {
			t.Errorf("%q is %v", bad, p)
		}
	}
}

func TestClosest(t *testing.T) {
	known := []string{"public.orders", "public.order_lines", "audit.orders", "public.Users"}
	for name, want := range map[string]string{
		"public.order": "public.orders", "public.users": "public.Users", "publc.orders": "public.orders",
		"public.orderlines": "public.order_lines", "x.y": "", "warehouse.shipments": "",
	} {
		if got := closest(name, known); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestWaitsForUs(t *testing.T) {
	for setting, want := range map[string]bool{
		"": false, "standby": false, "*": true, `FIRST 2 (a, "*")`: true, `ANY 1 ("Tailrace/Orders", b)`: true,
		"tailrace": false, "FIRST 1 (a,b,tailrace/orders)": true,
	} {
		if got := waitsForUs(setting, "tailrace/orders"); got != want {
			t.Errorf("%q: %v, want %v", setting, got, want)
		}
	}
}
