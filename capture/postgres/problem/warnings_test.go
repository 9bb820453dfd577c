package problem

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestWarnings(t *testing.T) {
	a, b, c := Refusal("a", "one", "fix 1"), Refusal("b", "two", "fix 2"), Refusal("a", "three", "fix 3")
	first, second := time.Unix(1, 0), time.Unix(2, 0)
	var w Warnings
	next := func(at time.Time, want string, changes bool, problems ...error) {
		t.Helper()
		var changed bool
		if w, changed = w.Next(problems, at); changed != changes {
			t.Errorf("%v: changed is %t", problems, changed)
		}
		var texts []string
		for _, is := range w {
			texts = append(texts, is.State+" "+is.Reason+" "+is.Since.UTC().Format("05"))
		}
		if have := strings.Join(texts, ", "); have != want {
			t.Errorf("%v: have %q, want %q", problems, have, want)
		}
	}
	next(first, "", false)
	next(first, "a one 01", true, a)
	next(second, "a one 01", false, a)
	next(second, "a one 01, b two 02", true, a, errors.New("no problem"), b)
	next(second, "b two 02, a one; a: three 01", true, b, a, c)
	next(second, "b two 02", true, b)
	next(second, "", true)
}
