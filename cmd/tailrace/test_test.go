package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const casesDir = "testdata/cases"

func TestCasesThatHold(t *testing.T) {
	r := tailrace(t, "test", casesDir+"/orders.hcl")
	r.expect(t, 0, "4 passed, 0 failed\n", "")
	for _, name := range []string{"an order is paid once", "a small order is cancelled", "the outbox", "customers are masked"} {
		if !strings.Contains(r.out, "ok    "+casesDir+"/orders.test.hcl: "+name+"\n") {
			t.Errorf("%q is not ok:\n%s", name, r.out)
		}
	}
	tailrace(t, "test", "-run", "outbox$", casesDir+"/orders.test.hcl").expect(t, 0, "1 passed, 0 failed\n", "")
	tailrace(t, "test", "-json", "-run", "outbox$", casesDir).expect(t, 0,
		`{"file":"`+casesDir+`/orders.test.hcl","line":45,"case":"the outbox","ok":true}`+"\n"+`{"failed":0,"passed":1}`+"\n", "")
}

// TestBlocksOfEveryKind has an aggregate, messages, a filter, a first snapshot and a trace.
func TestBlocksOfEveryKind(t *testing.T) {
	tailrace(t, "test", casesDir+"/shop").expect(t, 0, "4 passed, 0 failed\n", "")
	tailrace(t, "fmt", "-check", casesDir, casesDir+"/shop").expect(t, 0, "", "")
}

// TestTheCasesOfTheExamplesHold runs every test file of the examples.
func TestTheCasesOfTheExamplesHold(t *testing.T) {
	files, err := filepath.Glob(examples + "/*/*.test.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d test files, %v", len(files), err)
	}
	for _, file := range files {
		tailrace(t, "test", file).expect(t, 0, " passed, 0 failed\n", "")
	}
}

// golden compares a text with a file, which GOLDEN=1 writes.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(read(t, file), got); d != "" {
		t.Errorf("%s (- file, + got):\n%s", file, d)
	}
}

// copyCases copies the pipeline file of the cases and its recorded schema into a folder, with a test file.
func copyCases(t *testing.T, tests string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, from := range map[string]string{
		"orders.hcl": casesDir + "/orders.hcl", "orders.schema.hcl": casesDir + "/orders.schema.hcl", "orders.test.hcl": tests,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(read(t, from)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFailuresShowWhatCame(t *testing.T) {
	dir := copyCases(t, casesDir+"/failing/orders.test.hcl")
	r := tailrace(t, "test", dir)
	if r.code != failed || r.err != "" {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	golden(t, casesDir+"/failing/output.golden", strings.ReplaceAll(r.out, dir+"/", ""))

	r = tailrace(t, "test", "-json", "-run", "wrong values", dir)
	var c struct {
		OK       bool
		Failures []struct {
			Line      int
			Sink      string
			Want, Got map[string]any
		}
	}
	if err := json.Unmarshal([]byte(strings.SplitN(r.out, "\n", 2)[0]), &c); err != nil || r.code != failed {
		t.Fatalf("%v, exit code %d: %s", err, r.code, r.out)
	}
	if c.OK || len(c.Failures) != 1 || c.Failures[0].Sink != "bus" || c.Failures[0].Want["key"] != "2" || c.Failures[0].Got["key"] != "1" {
		t.Errorf("failures: %+v", c)
	}
}

// TestUpdateWritesWhatCame updates a copy of the failing cases: the result holds, formatted, with every comment, and stays as it is.
func TestUpdateWritesWhatCame(t *testing.T) {
	dir := copyCases(t, casesDir+"/failing/orders.test.hcl")
	test := filepath.Join(dir, "orders.test.hcl")
	tailrace(t, "test", "-update", dir).expect(t, 0, test+": 4 cases updated\n5 cases, 4 updated\n", "")
	updated := read(t, test)
	golden(t, casesDir+"/failing/updated.golden", updated)
	tailrace(t, "test", dir).expect(t, 0, "5 passed, 0 failed\n", "")
	tailrace(t, "fmt", "-check", dir).expect(t, 0, "", "")
	tailrace(t, "test", "-update", dir).expect(t, 0, "5 cases, 0 updated\n", "")
	if again := read(t, test); again != updated {
		t.Errorf("the second update has changed the file:\n%s", cmp.Diff(updated, again))
	}
}

func TestBadTestFiles(t *testing.T) {
	for _, c := range []struct {
		name, file, old, with, err string
	}{
		{"sink", "orders.test.hcl", `expect "bus"`, `expect "buss"`, `the pipeline "orders" has no sink "buss"`},
		{"pipeline", "orders.test.hcl", `case "the outbox" {`, "case \"the outbox\" {\n  pipeline = \"order\"", `Did you mean "orders"?`},
		{"key", "orders.test.hcl", `event "public.customers.insert" {}`, `event "x" { key = 1 }`, `events of a sink "postgres" have no key`},
		{"identity", "orders.schema.hcl", `identity = "full"`, `identity = "default"`, `orders.hcl:18:`},
		{"column", "orders.hcl", "total = row.total", "total = row.totl", `Did you mean "row.total"?`},
		{"environment", "orders.test.hcl", "env = {", "# env = {", `env = { NAME = "value" }`},
		{"syntax", "orders.test.hcl", `case "the outbox" {`, `case "x" { case "the outbox" {`, "orders.test.hcl:"},
		{"value", "orders.test.hcl", "total = 12.5", `total = "much"`, `"much" cannot be a value of type numeric`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyCases(t, casesDir+"/orders.test.hcl")
			name := filepath.Join(dir, c.file)
			if err := os.WriteFile(name, []byte(strings.Replace(read(t, name), c.old, c.with, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			r := tailrace(t, "test", dir)
			if r.code != usage || !strings.Contains(r.err, c.err) || !strings.Contains(r.err, " | ") {
				t.Errorf("exit code %d, %s", r.code, r.err)
			}
		})
	}
}

func TestTestNeedsTests(t *testing.T) {
	file := place(t, "orders.hcl", orders("127.0.0.1:1", "127.0.0.1:0"))
	tailrace(t, "test").expect(t, 2, "", "give at least one PATH")
	tailrace(t, "test", file).expect(t, 2, "", "no test file")
	tailrace(t, "test", "-run", "(", file).expect(t, 2, "", "not a regular expression")
	tailrace(t, "test", "-run", "nothing like it", casesDir).expect(t, 2, "", "no case matches")
	tailrace(t, "check", "-offline", casesDir+"/orders.test.hcl").expect(t, 2, "", "has test cases and no pipeline")
}

// TestTheManualsTestHolds runs the test of the manual.
func TestTheManualsTestHolds(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(read(t, "../../docs/testing.md"), -1)
	if len(blocks) != 2 {
		t.Fatalf("the manual has %d files", len(blocks))
	}
	dir := t.TempDir()
	for i, name := range []string{"orders.hcl", "orders.test.hcl"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(blocks[i][1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tailrace(t, "test", dir).expect(t, 0, "1 passed, 0 failed\n", "")
	tailrace(t, "fmt", "-check", dir).expect(t, 0, "", "")
	r := tailrace(t, "explain", "-offline", "-table", "public.orders", "-old", `{"id":1,"status":"paid"}`, "-row", `{"total":13}`, dir)
	r.expect(t, 0, "sink kafka \"bus\": 0 events\n  not matched  event \"OrderPaid\" ("+dir+"/orders.hcl:12)\n", "")
	for _, line := range []string{`op == "update"        true `, `old.status != "paid"  false          old.status = "paid"`, `row.status == "paid"  not evaluated`} {
		if !strings.Contains(r.out, line) {
			t.Errorf("no line %q:\n%s", line, r.out)
		}
	}
}
