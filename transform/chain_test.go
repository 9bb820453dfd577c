package transform_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// split turns one event into n, whose types end with a letter that tells them apart.
func split(n int) transform.Func {
	return func(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
		for i := range n {
			next := e
			next.Type += string(rune('a' + i))
			dst = append(dst, next)
		}
		return dst, nil
	}
}

// refuse rejects the events whose type ends with suffix.
func refuse(suffix string) transform.Func {
	return func(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
		if strings.HasSuffix(e.Type, suffix) {
			return nil, errRefused
		}
		return append(dst, e), nil
	}
}

var errRefused = errors.New("refused")

// chain returns a chain of steps that are named by their numbers.
func chain(funcs ...transform.Func) *transform.Chain {
	var steps []transform.Step
	for i, f := range funcs {
		steps = append(steps, transform.Step{Name: fmt.Sprintf("step %d", i+1), Func: f})
	}
	return transform.NewChain(steps...)
}

func types(events []transform.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Type)
	}
	return out
}

func TestChain(t *testing.T) {
	drop := split(0)
	for _, c := range []struct {
		name  string
		chain *transform.Chain
		want  []string
	}{
		{"nil", nil, []string{"before", "e"}},
		{"zero", &transform.Chain{}, []string{"before", "e"}},
		{"no function", chain(), []string{"before", "e"}},
		{"one", chain(split(2)), []string{"before", "ea", "eb"}},
		{"dropped first", chain(drop, split(2)), []string{"before"}},
		{"dropped last", chain(split(2), drop), []string{"before"}},
		{
			"in order", chain(split(1), split(2), split(3)),
			[]string{"before", "eaaa", "eaab", "eaac", "eaba", "eabb", "eabc"},
		},
		{
			"widening and narrowing", chain(split(3), split(1), split(2)),
			[]string{"before", "eaaa", "eaab", "ebaa", "ebab", "ecaa", "ecab"},
		},
	} {
		for round := range 3 { // with the scratch memory of the previous rounds
			got, err := c.chain.Apply([]transform.Event{{Type: "before"}}, transform.Event{Type: "e"})
			if d := cmp.Diff(c.want, types(got)); d != "" || err != nil {
				t.Errorf("%s, round %d: %v\n%s", c.name, round, err, d)
			}
		}
	}
}

// A rejected event adds nothing to dst and leaves the events that precede it unchanged. The error names the step.
func TestChainRejects(t *testing.T) {
	for want, c := range map[string]*transform.Chain{
		"step 1: refused": chain(refuse("e"), split(2)),
		"step 2: refused": chain(split(3), refuse("b"), split(2)),
		"step 3: refused": chain(split(3), split(2), refuse("ba")),
	} {
		for range 2 {
			dst := []transform.Event{{Type: "x"}, {Type: "y"}}
			got, err := c.Apply(dst, transform.Event{Type: "e"})
			if !errors.Is(err, errRefused) || err.Error() != want {
				t.Errorf("the error is %v, want %s", err, want)
			}
			if d := cmp.Diff([]string{"x", "y"}, types(got)); d != "" {
				t.Errorf("%s: the events before are not as they were:\n%s", want, d)
			}
		}
	}
	if _, err := chain(refuse("e")).Apply(nil, transform.Event{Type: "e"}); !errors.Is(err, errRefused) || err.Error() != "step 1: refused" {
		t.Errorf("the error of the only step is %v", err)
	}
}

func TestChainAllocatesNothing(t *testing.T) {
	c := chain(split(1), func(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
		return append(dst, e, e), nil
	}, transform.SplitKeyChange)
	e := transform.Event{Change: update(row("1", "a"), row("1", "b"))}
	var dst []transform.Event
	n := testing.AllocsPerRun(100, func() {
		var err error
		if dst, err = c.Apply(dst[:0], e); err != nil || len(dst) != 2 {
			t.Fatal(len(dst), err)
		}
	})
	if n > 1 { // for the longer type that split creates
		t.Errorf("%v allocations", n)
	}
}

// kept is a step that remembers the types of a transaction's events and makes one event of them.
type kept struct{ types string }

func (k *kept) step(name string) transform.Step {
	return transform.Step{
		Name: name,
		Func: func(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
			k.types += e.Type
			return append(dst, e), nil
		},
		Commit: func(dst []transform.Event, _ *capture.Tx) ([]transform.Event, error) {
			dst = append(dst, transform.Event{Type: "(" + k.types + ")"})
			k.types = ""
			return dst, nil
		},
		Reset: func() { k.types = "" },
	}
}

// What a step has remembered passes the later steps at the end of the transaction, those that remember included.
func TestChainCommit(t *testing.T) {
	var first, second kept
	c := transform.NewChain(transform.Step{Func: split(2)}, first.step("first"), transform.Step{Func: split(1)}, second.step("second"), transform.Step{Func: split(1)})
	for round := range 3 {
		events, err := c.Apply([]transform.Event{{Type: "before"}}, transform.Event{Type: "e"})
		if err != nil {
			t.Fatal(err)
		}
		events, err = c.Commit(events, commit)
		want := []string{"before", "eaaa", "ebaa", "(eaeb)aa", "(eaaeba(eaeb)a)a"}
		if d := cmp.Diff(want, types(events)); d != "" || err != nil {
			t.Errorf("round %d: %v\n%s", round, err, d)
		}
		if _, err := c.Apply(nil, transform.Event{Type: "lost"}); err != nil {
			t.Fatal(err)
		}
		c.Reset()
	}
	if !c.Remembers() || chain(split(1)).Remembers() || (*transform.Chain)(nil).Remembers() {
		t.Error("a chain remembers if one of its steps does")
	}
	(*transform.Chain)(nil).Reset()
}

// An event that is rejected at the end of a transaction leaves those before it.
func TestChainCommitRejects(t *testing.T) {
	makes := func(fail error, names ...string) transform.Step {
		return transform.Step{Name: "makes", Func: split(1), Commit: func(dst []transform.Event, _ *capture.Tx) ([]transform.Event, error) {
			for _, n := range names {
				dst = append(dst, transform.Event{Type: n})
			}
			return dst, fail
		}}
	}
	for name, c := range map[string]struct {
		chain *transform.Chain
		err   string
		want  []string
	}{
		"by the step": {transform.NewChain(makes(errRefused, "a", "b"), makes(nil, "z")), "makes: refused", []string{"x", "aa", "ba"}},
		"by a later one": {
			transform.NewChain(makes(nil, "a", "b", "c"), transform.Step{Name: "later", Func: refuse("b")}, makes(nil, "z")),
			"later: refused",
			[]string{"x", "aa"},
		},
	} {
		got, err := c.chain.Commit([]transform.Event{{Type: "x"}}, commit)
		if err == nil || err.Error() != c.err || !errors.Is(err, errRefused) {
			t.Errorf("%s: the error is %v", name, err)
		}
		if d := cmp.Diff(c.want, types(got)); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}
