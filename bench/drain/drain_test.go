package drain

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
	"github.com/tailrace/tailrace/internal/testenv"
)

// A drain is done when as many changes have come as the shape says there are.
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

// count is how many changes the base slot has up to an LSN, or in all.
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

// The whole part, small, without what has to be downloaded: figures of every tool.
func TestDrain(t *testing.T) {
	needServers(t)
	dir := t.TempDir()
	book, err := record.NewBook(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	var o Options
	f := flag.NewFlagSet("", flag.ContinueOnError)
	o.Flags(f)
	if err := f.Parse(strings.Fields("-rows 3000 -shapes insert1000 -tools tailrace,pg_recvlogical -sinks none,kafka1-json")); err != nil {
		t.Fatal(err)
	}
	if err := o.Run(t.Context(), &site.Setup{Version: testenv.Oldest, Runs: 1, Limit: time.Minute, Book: book}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(dir + "/RESULTS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| tailrace into nothing | ", "| tailrace into Kafka, 1 partition, json | ", "| pg_recvlogical into /dev/null | ",
		"x the rows/s of pg_recvlogical",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "failed in") {
		t.Errorf("a tool has failed:\n%s", text)
	}
}

// A run that is not done in time has failed, in the middle of whatever it did, and the next one is none the worse.
func TestLimit(t *testing.T) {
	needServers(t)
	s, err := site.New(false, testenv.Version(testenv.Oldest))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d, err := s.NewDatabase(t.Context(), "bench_limit")
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.Fill(t.Context(), Inserts(1000)(3000))
	if err != nil {
		t.Fatal(err)
	}
	for i, limit := range []time.Duration{time.Millisecond, time.Minute} {
		j := tool.Job{Name: fmt.Sprintf("limit%d", i), From: b, Over: site.TCP, Sink: tool.Sink{Kind: tool.Stdout}}
		_, err := One(t.Context(), &site.Setup{Limit: limit}, tool.NewBinaries(s.Dir, ""), tool.RecvLogical, j)
		if failed := err != nil; failed != (limit < time.Second) {
			t.Errorf("with %v: %v", limit, err)
		}
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
