package target

import "testing"

func TestWidens(t *testing.T) {
	for _, c := range []struct {
		from, to         string
		widens, rewrites bool
	}{
		{"smallint", "integer", true, true},
		{"integer", "bigint", true, true},
		{"bigint", "numeric", true, true},
		{"bigint", "integer", false, true},
		{"integer", "text", false, true},
		{"integer", "integer", false, true},
		{"boolean", "text", false, false},
		{"timestamp with time zone", "text", false, false},
		{"real", "double precision", false, false},
		{"character varying(5)", "character varying(9)", true, false},
		{"character varying(9)", "character varying(5)", false, false},
		{"character varying(5)", "text", true, false},
		{"character varying", "text", true, false},
		{"text", "character varying", true, false},
		{"text", "character varying(9)", false, false},
		{"character(3)", "character(5)", true, true},
		{"character(3)", "character(2)", false, true},
		{"character(3)", "character varying(3)", true, true},
		{"character(3)", "character varying(2)", false, true},
		{"character(3)", "text", true, true},
		{"character varying(3)", "character(5)", false, false},
		{"numeric(5,2)", "numeric(7,2)", true, false},
		{"numeric(5,2)", "numeric(7,3)", false, false},
		{"numeric(5,2)", "numeric", true, false},
		{"timestamp(0) without time zone", "timestamp(3) without time zone", true, false},
		{"timestamp(3) without time zone", "timestamp(0) without time zone", false, false},
		{"timestamp(0) without time zone", "timestamp(3) with time zone", false, false},
		{"bit varying(3)", "bit varying(5)", true, false},
		{"bit(3)", "bit(5)", false, false},
		{"integer[]", "bigint[]", true, true},
		{"integer[]", "bigint", false, true},
		{"character varying(3)[]", "text[]", true, true},
		{"shop.mood", "text", false, false},
		{"uuid", "text", false, false},
		{"json", "jsonb", false, false},
	} {
		if got := widens(c.from, c.to); got != c.widens {
			t.Errorf("%s to %s widens: %t", c.from, c.to, got)
		}
		if got := rewrites(c.from, c.to); c.widens && got != c.rewrites {
			t.Errorf("%s to %s rewrites: %t", c.from, c.to, got)
		}
	}
}

func TestHoldsAndKeeps(t *testing.T) {
	for _, c := range []struct {
		from, to       string
		accepts, keeps bool
	}{
		{"integer", "integer", true, true},
		{"integer", "bigint", true, true},
		{"smallint", "numeric", true, true},
		{"bigint", "integer", false, false},
		{"integer", "numeric(10,0)", false, false},
		{"bigint", "text", true, true},
		{"real", "double precision", true, false},
		{"real", "text", true, false},
		{"double precision", "real", false, false},
		{"character varying(5)", "character varying(9)", true, true},
		{"character varying(9)", "character varying(5)", false, false},
		{"character varying(5)", "character varying", true, true},
		{"character varying", "character varying(5)", false, false},
		{"character varying(5)", "text", true, true},
		{"character(5)", "text", true, false},
		{"character(5)", "character(9)", false, false},
		{"text", "character varying", true, true},
		{"text", "character varying(5)", false, false},
		{"numeric(10,2)", "numeric(12,2)", true, true},
		{"numeric(10,2)", "numeric(12,3)", false, false},
		{"numeric(10,2)", "numeric(10,1)", false, false},
		{"numeric(10,2)", "numeric", true, true},
		{"numeric", "numeric(10,2)", false, false},
		{"timestamp(3) without time zone", "timestamp without time zone", true, true},
		{"timestamp(3) without time zone", "timestamp(6) without time zone", true, true},
		{"timestamp without time zone", "timestamp(3) without time zone", false, false},
		{"timestamp without time zone", "timestamp with time zone", false, false},
		{"bit varying(3)", "bit varying(5)", true, true},
		{"bit(3)", "bit(5)", false, false},
		{"integer[]", "bigint[]", true, true},
		{"integer[]", "bigint", false, false},
		{"box[]", "text[]", false, false},
		{"numeric(5,1)[]", "numeric[]", true, true},
		{"shop.mood", "text", true, true},
		{"shop.mood", "shop.other", false, false},
		{"jsonb", "json", false, false},
		{"ext.vector(3)", "ext.vector(4)", false, false},
	} {
		if got := accepts(c.to, c.from); got != c.accepts {
			t.Errorf("%s holds %s: %t", c.to, c.from, got)
		}
		if got := keeps(c.from, c.to); got != c.keeps {
			t.Errorf("%s to %s keeps the text: %t", c.from, c.to, got)
		}
	}
}
