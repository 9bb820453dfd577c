package capture_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

func TestSplitName(t *testing.T) {
	for _, c := range []struct {
		text, schema, name string
		ok                 bool
	}{
		{"public.orders", "public", "orders", true},
		{"public.Order Notes", "public", "Order Notes", true},
		{"public.a.b", "public", "a.b", true},
		{"orders", "", "", false},
		{".orders", "", "", false},
		{"public.", "", "", false},
		{"", "", "", false},
	} {
		schema, name, ok := capture.SplitName(c.text)
		if ok != c.ok || ok && (schema != c.schema || name != c.name) {
			t.Errorf("%q: %q, %q, %v", c.text, schema, name, ok)
		}
	}
}

func TestTable(t *testing.T) {
	table := &capture.Table{Schema: "s", Name: "t", Columns: []capture.Column{{Name: "a"}, {Name: "A"}}}
	if table.String() != "s.t" || table.Column("A") != 1 || table.Column("a") != 0 || table.Column("b") != -1 {
		t.Errorf("%s: %d, %d, %d", table, table.Column("A"), table.Column("a"), table.Column("b"))
	}
	if prefix := (&capture.Table{Name: "shop.paid"}).String(); prefix != "shop.paid" {
		t.Errorf("messages are of %s", prefix)
	}
	for want, typ := range map[string]capture.Type{
		"int4": {Schema: "pg_catalog", Name: "int4"}, "x": {Name: "x"}, "shop.mood": {Schema: "shop", Name: "mood"},
	} {
		if typ.String() != want {
			t.Errorf("type %s, want %s", &typ, want)
		}
	}
}

func TestProblem(t *testing.T) {
	seen := errors.New("55006")
	p := &capture.Problem{State: "slot_active", Reason: "another daemon holds it", Err: seen}
	wrapped := fmt.Errorf("start: %w", p)
	if got := wrapped.Error(); got != "start: slot_active: another daemon holds it: 55006" {
		t.Error(got)
	}
	if capture.AsProblem(wrapped) != p || !errors.Is(wrapped, seen) {
		t.Error("the problem is not found in the error, or what was seen is not")
	}
	if capture.AsProblem(seen) != nil || capture.AsProblem(nil) != nil {
		t.Error("a problem is found where there is none")
	}
	p.Err = nil
	if got := p.Error(); got != "slot_active: another daemon holds it" {
		t.Error(got)
	}
}
