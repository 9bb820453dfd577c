package eventtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/internal/eventtest"
)

// recorded reads a recorded schema with a text.
func recorded(t *testing.T, text string) *eventtest.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "orders.schema.hcl")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := eventtest.ReadSchema(name)
	if f.Report.HasErrors() {
		t.Fatalf("%s\n%s", text, f.Report)
	}
	return f
}

const zoo = `type "public.mood" {
  labels = ["glad", "sad"]
}

type "public.price" {
  base = "numeric(10,2)"
}

type "public.Full Address" {
  fields = {
    street       = "text"
    "House (no)" = "public.price"
  }
}

type "public.ltree" {
  storage = "extended"
}

table "public.Orders" {
  key      = ["tenant", "id"]
  identity = ["id", "tenant", "code"]
  columns = {
    id       = "int8"
    tenant   = "uuid"
    code     = "varchar(20) not null"
    mood     = "public.mood[]"
    paid     = "public.price not null"
    "for"    = "public.Full Address"
    path     = "public.ltree"
    amount   = "numeric(5,-2)"
    at       = "timestamptz(3)"
    padded   = "bpchar(7)"
    unpadded = "bpchar"
  }
}

table "public.full" {
  identity = "full"
  columns = {
    a = "text"
  }
}

table "public.nothing" {
  key      = ["a"]
  identity = "nothing"
  columns = {
    a = "int4"
    b = "text"
  }
}
`

// TestARecordedSchemaIsWrittenAsItWasRead has every form of a type and of a replica identity. The order of tables does not count.
func TestARecordedSchemaIsWrittenAsItWasRead(t *testing.T) {
	tables := recorded(t, zoo).Tables
	if d := cmp.Diff(zoo, string(eventtest.SchemaText(tables))); d != "" {
		t.Errorf("(- read, + written)\n%s", d)
	}
	tables[0], tables[2] = tables[2], tables[0]
	if d := cmp.Diff(zoo, string(eventtest.SchemaText(tables))); d != "" {
		t.Errorf("in another order (- read, + written)\n%s", d)
	}
}

// TestDrift compares the recorded schema with one in which a text is replaced. Each warning is at a line of the recorded schema.
func TestDrift(t *testing.T) {
	file := recorded(t, zoo)
	lineOf := func(text string) int { return 1 + strings.Count(zoo[:strings.Index(zoo, text)], "\n") }
	for _, c := range []struct {
		old, with string
		at        string // a text of the line
		want      string
	}{
		{"", "", "", ""},
		{`id       = "int8"`, `id       = "bigint"`, "", ""},
		{`"varchar(20) not null"`, `"varchar(30) not null"`, "code     =", `column code of public.Orders is recorded as "varchar(20) not null", and it is "varchar(30) not null" in the database`},
		{`["glad", "sad"]`, `["glad", "sad", "mad"]`, "mood     =", "column mood of public.Orders is recorded with the type public.mood, which has other labels in the database"},
		{`base = "numeric(10,2)"`, `base = "numeric(12,2)"`, "paid     =|for\"", "the type public.price, which has another base"},
		{`street       = "text"`, `lane = "text"`, `"for"`, "the type public.Full Address, which has other fields"},
		{`storage = "extended"`, `storage = "plain"`, "path     =", "the type public.ltree, which has another storage"},
		{`    path     = "public.ltree"` + "\n", "", "path     =", "column path of public.Orders is recorded here, and the database does not have it"},
		{`    path     =`, "    more = \"text\"\n    path     =", `table "public.Orders"`, `column more of public.Orders is not recorded here, and the database has it as "text"`},
		{`["tenant", "id"]`, `["id", "tenant"]`, `table "public.Orders"`, `the key of public.Orders is recorded as ["tenant" "id"], and it is ["id" "tenant"]`},
		{`identity = "full"`, `identity = "default"`, `table "public.full"`, `the replica identity of public.full is recorded as "full", and it is "default"`},
		{`table "public.full"`, `table "public.other"`, `table "public.full"`, "table public.full is recorded here, and the source does not publish it"},
	} {
		live := recorded(t, strings.Replace(zoo, c.old, c.with, 1))
		var got, want []string
		for _, d := range file.Drift(live.Tables, "tailrace schema -record orders.hcl") {
			got = append(got, fmt.Sprint(d.Subject.Start.Line))
			if !strings.Contains(d.Summary, c.want) || !strings.Contains(d.Detail, "tailrace schema -record orders.hcl") {
				t.Errorf("%s: %s: %s", c.with, d.Summary, d.Detail)
			}
		}
		for _, at := range strings.Split(c.at, "|") {
			if at != "" {
				want = append(want, fmt.Sprint(lineOf(at)))
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: lines (- wanted, + got)\n%s", c.with, d)
		}
	}
}

// TestBrokenSchemas expects exactly the problems that are marked in the files.
func TestBrokenSchemas(t *testing.T) {
	files, err := filepath.Glob("testdata/broken_schemas/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d broken files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, expectations(t, string(text)), eventtest.ReadSchema(file).Report)
		})
	}
}
