package main

import (
	"testing"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/replica/verify"
)

// altering is a step that alters one table of the schema public.
type altering string

func (a altering) Alters(schema, table string) bool { return schema == "public" && table == string(a) }

// A table is not compared when a step of the pipeline or of the replica alters its rows; a step that does not tell alters all.
func TestAlteredTablesAreNotCompared(t *testing.T) {
	p := config.Pipeline{
		Steps: []config.Step{{Kind: "mask", Labels: []string{"public.customers"}, Settings: altering("customers")}},
		Sinks: []config.Block{
			{Name: "a"},
			{Name: "b", Steps: []config.Step{{Kind: "filter", Settings: altering("orders")}}},
			{Name: "c", Steps: []config.Step{{Kind: "unknown", Settings: struct{}{}}}},
		},
	}
	for _, c := range []struct{ sink, table, want string }{
		{"a", "customers", `mask "public.customers"`},
		{"a", "orders", ""},
		{"b", "customers", `mask "public.customers"`},
		{"b", "orders", "filter"},
		{"b", "lines", ""},
		{"c", "lines", "unknown"},
	} {
		if got := alteredBy(p, c.sink, verify.Name{Schema: "public", Table: c.table}); got != c.want {
			t.Errorf("%s on its way to %s is altered by %q, want %q", c.table, c.sink, got, c.want)
		}
	}
}
