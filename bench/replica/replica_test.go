package replica

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/internal/testenv"
)

// The whole part, at a small size and without downloads, yields figures for both tools and equal tables.
func TestReplica(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	dir := t.TempDir()
	book, err := record.NewBook(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	var o Options
	u := &rig.Setup{}
	f := flag.NewFlagSet("", flag.ContinueOnError)
	u.Flags(f)
	o.Flags(f)
	if err := f.Parse(strings.Fields("-replica-rows 3000 -replica-rate 200 -replica-seconds 1 -tools tailrace,subscription -runs 1 -limit 1m")); err != nil {
		t.Fatal(err)
	}
	u.Book = book
	if err := o.Run(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(dir + "/RESULTS.md")
	if err != nil {
		t.Fatal(err)
	}
	for want, n := range map[string]int{
		"## replica: ": 5, "| tailrace | ": 5, "| subscription | ": 5, "x the rows/s of the subscription": 4, "of the subscription's p50": 1,
	} {
		if strings.Count(string(text), want) != n {
			t.Errorf("%q is not there %d times in\n%s", want, n, text)
		}
	}
	if len(u.Failures) > 0 {
		t.Errorf("failed: %v, in\n%s", u.Failures, text)
	}
}

// A target that lacks a row, or has a different one, is not a result.
func TestDifferentTables(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	s, err := site.New(false, testenv.Version(testenv.Oldest))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d, err := s.NewDatabase(t.Context(), "bench_differs")
	if err != nil {
		t.Fatal(err)
	}
	c := &race{}
	if err := d.Exec(t.Context(), "CREATE TABLE bench (id int, note text)", "INSERT INTO bench VALUES (1, 'a'), (2, NULL)"); err != nil {
		t.Fatal(err)
	}
	if err := d.Row(t.Context(), digest, nil, &c.want); err != nil {
		t.Fatal(err)
	}
	if err := c.same(t.Context(), d); err != nil {
		t.Error(err)
	}
	for _, sql := range []string{"UPDATE bench SET note = 'b' WHERE id = 1", "DELETE FROM bench WHERE id = 1"} {
		if err := d.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		if c.same(t.Context(), d) == nil {
			t.Errorf("after %s nothing differs", sql)
		}
	}
}

func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil { // tools are built from the repository's root
		panic(err)
	}
	m.Run()
}
