package drain

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

// A drain is done when as many changes have arrived as the shape declares.
func TestShapesHaveTheRowsThatTheySay(t *testing.T) {
	needServers(t)
	s, err := site.New(false, testenv.Version(testenv.Oldest))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, shape := range shapes {
		d, err := s.NewDatabase(t.Context(), "bench_"+shape.name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := d.Fill(t.Context(), shape.make(int(4000*shape.share)))
		if err != nil {
			t.Fatalf("%s: %v", shape.name, err)
		}
		before, all := count(t, b, b.End), count(t, b, "")
		if before != b.Rows || all != b.Rows+1 || b.Rows == 0 {
			t.Errorf("%s: %d changes up to the end and %d in all, it says %d and one more", shape.name, before, all, b.Rows)
		}
		if err := d.Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// count returns the number of changes that the base slot has up to an LSN, or in all.
func count(t *testing.T, b *site.Backlog, end string) (n int) {
	t.Helper()
	err := b.Row(t.Context(), `SELECT count(*) FROM pg_logical_slot_peek_binary_changes($1, NULL, NULL, 'proto_version', '1',
		'publication_names', 'bench') WHERE get_byte(data, 0) IN (ascii('I'), ascii('U'), ascii('D')) AND ($2 = '' OR lsn < $2::pg_lsn)`,
		[]any{b.Base(), end}, &n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The whole part, at a small size and without downloads, yields figures for every tool.
func TestDrain(t *testing.T) {
	needServers(t)
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
	if err := f.Parse(strings.Fields("-rows 50000 -shapes insert1000 -tools tailrace,pg_recvlogical -sinks none,kafka1-json -runs 1 -warmups 1 -limit 1m")); err != nil {
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
	for _, want := range []string{
		"| tailrace into nothing | ", "| tailrace into Kafka, 1 partition, json | ", "| pg_recvlogical into /dev/null | ",
		"x the rows/s of pg_recvlogical", "| MB/s |",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if len(u.Failures) > 0 {
		t.Errorf("failed: %v, in\n%s", u.Failures, text)
	}
}

func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil { // tools are built from the repository's root
		panic(err)
	}
	m.Run()
}

func needServers(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs servers")
	}
}
