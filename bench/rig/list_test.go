package rig

import (
	"flag"
	"io"
	"slices"
	"testing"
)

func TestList(t *testing.T) {
	for _, c := range []struct {
		args  []string
		has   []string
		text  string
		fails bool
	}{
		{nil, []string{"a", "b", "c"}, "all", false},
		{[]string{"-x", "c,a"}, []string{"a", "c"}, "c,a", false},
		{[]string{"-x", ""}, nil, "", false},
		{[]string{"-x", "a,d"}, nil, "", true},
		{[]string{"-x", "a, b"}, nil, "", true},
	} {
		var l List
		f := flag.NewFlagSet("", flag.ContinueOnError)
		f.SetOutput(io.Discard)
		l.Flag(f, "x", "test", All, "a", "b", "c")
		if err := f.Parse(c.args); (err != nil) != c.fails {
			t.Errorf("%q: %v", c.args, err)
		}
		if c.fails {
			continue
		}
		var has []string
		for _, name := range []string{"a", "b", "c", "d"} {
			if l.Has(name) {
				has = append(has, name)
			}
		}
		if !slices.Equal(has, c.has) || l.String() != c.text || l.Empty() != (len(c.has) == 0) {
			t.Errorf("%q: has %q and is %q, want %q and %q", c.args, has, l.String(), c.has, c.text)
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string][]int{"1": {1}, "100,1,1000": {100, 1, 1000}, "": nil, "0": nil, "-1": nil, "1,": nil, "1k": nil} {
		var n Numbers
		if err := n.Set(text); (err != nil) != (want == nil) || err == nil && (!slices.Equal(n, want) || n.String() != text) {
			t.Errorf("%q: %v, %v", text, []int(n), err)
		}
	}
}
