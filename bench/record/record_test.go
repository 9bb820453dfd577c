package record

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	l := &Line{}
	if !math.IsNaN(l.Median("x")) {
		t.Error("no run has a median")
	}
	for _, c := range []struct{ add, want float64 }{{3, 3}, {1, 2}, {2, 2}, {10, 2.5}} {
		l.Add(map[string]float64{"x": c.add}, nil)
		l.Add(nil, errors.New("a run that failed counts nowhere"))
		if got := l.Median("x"); got != c.want {
			t.Errorf("with %v the median is %v, want %v", c.add, got, c.want)
		}
	}
}

func TestFigure(t *testing.T) {
	for _, c := range []struct {
		v      float64
		digits int
		want   string
	}{{0, 0, "0"}, {999.6, 0, "1,000"}, {1234567.8, 0, "1,234,568"}, {-1234.56, 1, "-1,234.6"}, {0.256, 2, "0.26"}, {-999, 0, "-999"}} {
		if got := figure(c.v, c.digits); got != c.want {
			t.Errorf("figure(%v, %d) = %q, want %q", c.v, c.digits, got, c.want)
		}
	}
}

// A case replaces its own earlier result only; RESULTS.md has all cases, and lists the failures.
func TestBook(t *testing.T) {
	dir := t.TempDir()
	b, err := NewBook(dir, map[string]string{"Postgres": "15"})
	if err != nil {
		t.Fatal(err)
	}
	save := func(part, name string, rate float64) {
		r := b.Begin(part, name, name)
		r.Columns = []Column{{Key: "rate", Title: "rows/s", Spread: true}, {Key: "none", Title: "none"}}
		r.Line("a").Add(map[string]float64{"rate": rate, "none": math.NaN()}, nil)
		r.Line("a").Add(map[string]float64{"rate": 3 * rate}, nil)
		r.Line("b").Add(nil, errors.New("out of\nmemory"))
		if err := b.Save(r); err != nil {
			t.Fatal(err)
		}
	}
	save("flat", "tables", 1)
	save("drain", "wide", 10)
	save("drain", "insert1000", 100)
	save("flat", "tables", 1000)
	text, err := os.ReadFile(filepath.Join(dir, "RESULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	at := -1
	for _, want := range []string{
		"| drain | insert1000: **1 RUN FAILED** | 2 |", "| flat | tables: **1 RUN FAILED** | 2 |", "\n## drain\n", "\n### drain: insert1000",
		"**FAILED: 1 of 3 runs have no figures", "| a | 200 (100 - 300) |  |", "| b |  |  |", "- **b failed in 1 of 1 runs:** out of memory",
		"### drain: wide", "| a | 20 (10 - 30) |", "\n## flat\n", "### flat: tables", "| a | 2,000 (1,000 - 3,000) |",
	} {
		next := strings.Index(string(text), want)
		if next <= at {
			t.Fatalf("%q is not there, or not behind what comes before it, in:\n%s", want, text)
		}
		at = next
	}
	if strings.Count(string(text), "### flat") != 1 {
		t.Errorf("the first result of the case is still there:\n%s", text)
	}
}

// RESULTS.md states once what all tables share; tables of different commits are marked.
func TestShared(t *testing.T) {
	report := func(commit, machine string) *Report {
		return &Report{Part: "drain", Case: "x", Commit: commit, Machine: machine, Versions: map[string]string{"Postgres": "15"}}
	}
	for _, c := range []struct {
		second    *Report
		mark      bool
		machines  int
		commit, m string
	}{
		{report("one", "box"), false, 1, "commit one", "All of it: box; Postgres 15."},
		{report("two", "box"), true, 1, "commit two", "All of it: box; Postgres 15."},
		{report("one", "tower"), false, 1, "commit one", "; tower.</sub>"},
	} {
		text := page([]*Report{report("one", "box"), c.second})
		if strings.Contains(text, "different commits") != c.mark || strings.Count(text, "box") != c.machines ||
			strings.Count(text, "Postgres 15") != 1 || !strings.Contains(text, c.commit) || !strings.Contains(text, c.m) {
			t.Errorf("with %+v:\n%s", c.second, text)
		}
	}
}

// The cases of a part come in its order, followed by cases that the part does not list.
func TestOrder(t *testing.T) {
	all := []string{"replica-latency", "flat-start", "drain-zzz", "drain-2kb", "latency-1000", "replica-insert1", "drain-mix", "latency-100", "drain-aaa", "other-x"}
	var reports []*Report
	for _, name := range all {
		part, c, _ := strings.Cut(name, "-")
		reports = append(reports, &Report{Part: part, Case: c})
	}
	slices.SortStableFunc(reports, inOrder)
	var got []string
	for _, r := range reports {
		got = append(got, r.Part+"-"+r.Case)
	}
	want := "drain-mix drain-2kb drain-aaa drain-zzz latency-100 latency-1000 flat-start replica-insert1 replica-latency other-x"
	if strings.Join(got, " ") != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
}
