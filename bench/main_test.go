package main

import (
	"context"
	"errors"
	"flag"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/bench/rig"
)

// fake is a part without servers.
type fake func(context.Context, *rig.Setup) error

func (f fake) Flags(*flag.FlagSet) {}

func (f fake) Run(ctx context.Context, u *rig.Setup) error { return f(ctx, u) }

// After a failure in one part the others still run, and the command ends with exit code 1 and one line per failure.
func TestFailuresEndTheCommand(t *testing.T) {
	last := 0
	run := rig.Failure{Part: "a", Case: "toast", Line: "tailrace", Run: 2, Reason: "stalled at 3 of 10 rows"}
	parts := []named{
		{"a", fake(func(_ context.Context, u *rig.Setup) error { u.Fail(run); return nil })},
		{"b", fake(func(context.Context, *rig.Setup) error { return errors.New("no\nserver") })},
		{"c", fake(func(context.Context, *rig.Setup) error { last++; return nil })},
		{"d", fake(func(context.Context, *rig.Setup) error { last += 10; return nil })},
	}
	for _, c := range []struct {
		wanted string
		code   int
		text   string
	}{
		{"c", 0, ""},
		{"a,b,c", 1, "bench: failed: a toast: tailrace: run 2: stalled at 3 of 10 rows\nbench: failed: b: no server\n"},
	} {
		u, wanted, w := &rig.Setup{}, rig.List{}, &strings.Builder{}
		wanted.Flag(flag.NewFlagSet("", flag.ContinueOnError), "parts", "", c.wanted, "a", "b", "c", "d")
		code := exit(w, measure(t.Context(), u, parts, &wanted), u.Failures)
		if code != c.code || w.String() != c.text {
			t.Errorf("%s: exit code %d and\n%s", c.wanted, code, w)
		}
	}
	if last != 2 {
		t.Errorf("the last parts have run for %d, want 2", last)
	}
}

// An error of the command itself comes before the failures.
func TestExit(t *testing.T) {
	w := &strings.Builder{}
	if code := exit(w, errors.New("disk full"), []rig.Failure{{Part: "a", Reason: "x"}}); code != 1 || w.String() != "bench: disk full\nbench: failed: a: x\n" {
		t.Errorf("exit code %d and\n%s", code, w)
	}
	if code := exit(w, errors.New("disk full"), nil); code != 1 {
		t.Error("an error is no exit code")
	}
}
