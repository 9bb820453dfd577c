package rig

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/bench/record"
)

// newBook returns a setup that writes into a folder of the test.
func newBook(t *testing.T) (u *Setup, results func() string) {
	t.Helper()
	dir := t.TempDir()
	book, err := record.NewBook(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Setup{Runs: 2, Limit: time.Minute, Book: book}, func() string {
		text, err := os.ReadFile(dir + "/RESULTS.md")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// A run that fails is in Failures, with its part, case, line and number, and in the table; other lines and rounds go on.
func TestFailedRun(t *testing.T) {
	u, results := newBook(t)
	r, calls := &Rig{Setup: u}, 0
	good := func(context.Context) (map[string]float64, error) { return map[string]float64{"rows_s": 7}, nil }
	lines := []Line{
		{"first", func(context.Context) (map[string]float64, error) {
			if calls++; calls == 2 {
				return nil, errors.New("stalled at 3\nof 10 rows")
			}
			return good(t.Context())
		}},
		{"second", good},
	}
	table := u.Book.Begin("drain", "toast", "large rows")
	table.Columns = []record.Column{{Key: "rows_s", Title: "rows/s"}}
	if err := r.Rounds(t.Context(), table, lines, nil); err != nil {
		t.Fatal(err)
	}
	if len(u.Failures) != 1 || u.Failures[0].String() != "drain toast: first: run 2: stalled at 3 of 10 rows" {
		t.Errorf("the failures are %v", u.Failures)
	}
	if n := len(table.Line("second").Runs); n != 2 {
		t.Errorf("the other line has %d runs", n)
	}
	for _, want := range []string{
		"| drain | large rows: **1 RUN FAILED** |", "**FAILED: 1 of 4 runs", "- **first failed in 1 of 2 runs:** stalled at 3 of 10 rows",
		"| second | 7 |",
	} {
		if text := results(); !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// A case that fails before its first round is in Failures and in RESULTS.md, which would otherwise show an earlier table.
func TestFailedCase(t *testing.T) {
	u, results := newBook(t)
	for _, c := range []struct {
		name string
		err  error
	}{{"wide", nil}, {"wide", errors.New("fill: disk full")}, {"mix", nil}} {
		err := u.Case(t.Context(), "drain", c.name, "of "+c.name, func(r *record.Report) error {
			if c.err == nil {
				return u.Book.Save(r)
			}
			return c.err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(u.Failures, []Failure{{Part: "drain", Case: "wide", Reason: "fill: disk full"}}) {
		t.Errorf("the failures are %v", u.Failures)
	}
	for _, want := range []string{"| drain | of wide: **FAILED** |", "**FAILED: the case was not measured to its end:** fill: disk full", "| drain | of mix |"} {
		if text := results(); !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// An interrupt by the user is not a failure.
func TestStoppedCase(t *testing.T) {
	u, _ := newBook(t)
	ctx, stop := context.WithCancel(t.Context())
	err := u.Case(ctx, "drain", "wide", "", func(*record.Report) error {
		stop()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || len(u.Failures) > 0 {
		t.Errorf("the end is %v, and the failures are %v", err, u.Failures)
	}
}

// A failed clean-up fails its run, unless the run has an error of its own.
func TestCleanUp(t *testing.T) {
	own, left := errors.New("own"), errors.New("slot is in use")
	for _, c := range []struct{ run, left, want error }{{nil, nil, nil}, {nil, left, left}, {own, left, own}, {own, nil, own}} {
		err := c.run
		CleanUp(t.Context(), &err, func(context.Context) error { return c.left })
		if !errors.Is(err, c.want) {
			t.Errorf("a run with %v that leaves %v ends with %v", c.run, c.left, err)
		}
	}
}
