package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExplainWhere: the where of a table block that the daemon evaluates decides before any sink.
func TestExplainWhere(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"orders.schema.hcl": read(t, casesDir+"/orders.schema.hcl"),
		"orders.hcl": `pipeline "orders" {
  source "postgres" {
    url    = "postgres://tailrace@localhost/shop"
    tables = ["public.orders", "public.customers"]
    table "public.orders" {
      where   = row.tenant == 7
      enforce = "daemon"
    }
  }
  sink "stdout" "out" {
    event "Any" {
      table = "public.orders"
      data  = op
    }
  }
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const ours, theirs = `{"id":1,"status":"new","tenant":7}`, `{"id":1,"status":"new","tenant":8}`
	for _, c := range []struct {
		name     string
		args     []string
		want     []string
		excluded string
	}{
		{"an insert that passes", []string{"-row", ours}, []string{"matched      where of table", `"insert"`}, "the source"},
		{"an insert that does not", []string{"-row", theirs}, []string{
			"not matched  where of table \"public.orders\"", "row.tenant == 7  false          row.tenant = 8", "the source drops the change: no sink gets it",
		}, "sink stdout"},
		{"a row that begins to match", []string{"-old", theirs, "-row", ours}, []string{"the sinks get an insert", `"insert"`}, `"update"`},
		{"a row that no longer matches", []string{"-old", ours, "-row", theirs}, []string{"the sinks get a delete", `"delete"`}, `"update"`},
		{"both rows match", []string{"-old", ours, "-row", `{"status":"paid"}`}, []string{`"update"`}, "the sinks get"},
		{"for machines", []string{"-json", "-row", theirs}, []string{`"where":{"rule":"where of table`, `"matched":false`, `"sinks":[]`}, `"kind"`},
	} {
		r := tailrace(t, append(append([]string{"explain", "-offline", "-table", "public.orders"}, c.args...), dir+"/orders.hcl")...)
		if r.code != done {
			t.Fatalf("%s: exit code %d: %s", c.name, r.code, r.err)
		}
		for _, want := range c.want {
			if !strings.Contains(r.out, want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, r.out)
			}
		}
		if strings.Contains(r.out, c.excluded) {
			t.Errorf("%s: %q in\n%s", c.name, c.excluded, r.out)
		}
	}
	tailrace(t, "explain", "-offline", "-table", "public.customers", "-row", `{"id":1}`, dir+"/orders.hcl").expect(t, 0, "sink stdout", "")
}
