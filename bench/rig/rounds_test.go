package rig

import (
	"context"
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

// A run that exceeds its limit has failed, wherever it was, and does not affect the next run.
func TestLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	dir := t.TempDir()
	book, err := record.NewBook(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	u := &Setup{Version: testenv.Oldest, Runs: 2, Limit: time.Millisecond, Book: book}
	r, err := New(t.Context(), u, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d, err := r.NewDatabase(t.Context(), "bench_limit")
	if err != nil {
		t.Fatal(err)
	}
	const table, rows = "CREATE TABLE bench (id bigint)", 300_000
	b, err := d.Fill(t.Context(), site.Shape{
		Tables: []string{"bench"}, Rows: rows, Before: []string{table}, Fill: []string{fmt.Sprintf("INSERT INTO bench SELECT generate_series(1, %d)", rows)},
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := []Line{{"reading", func(ctx context.Context) (map[string]float64, error) {
		u.Limit = time.Minute // from the second round on
		return r.Drain(ctx, tool.RecvLogical, tool.Job{Name: r.Name("limit"), From: b, Over: site.TCP, Sink: tool.Sink{Kind: tool.Stdout}})
	}}}
	result := book.Begin("rig", "limit", "limit")
	result.Columns = []record.Column{{Key: "rows_s", Title: "rows/s"}}
	noted := 0
	if err := r.Rounds(t.Context(), result, lines, func(*record.Report) { noted++ }); err != nil {
		t.Fatal(err)
	}
	runs := result.Line("reading").Runs
	if len(runs) != 2 || !strings.Contains(runs[0].Failed, "not done after 1ms") || runs[1].Failed != "" || !(runs[1].Figures["rows_s"] > 0) {
		t.Errorf("the runs are %+v", runs)
	}
	if len(u.Failures) != 1 || u.Failures[0].Run != 1 || u.Failures[0].Line != "reading" {
		t.Errorf("the failures are %v", u.Failures)
	}
	if text, _ := os.ReadFile(dir + "/RESULTS.md"); noted != 2 || !strings.Contains(string(text), "reading failed in 1 of 2 runs") {
		t.Errorf("noted %d times, and RESULTS.md is\n%s", noted, text)
	}
}

func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil { // tools are built from the repository's root
		panic(err)
	}
	m.Run()
}
