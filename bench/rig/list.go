package rig

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// All selects all names of a list.
const All = "all"

// List is a flag that selects names from a fixed set. The zero List has none; see Has.
type List struct {
	known, wanted []string
}

// Flag adds the flag to f. value is the default: names, All, or "".
func (l *List) Flag(f *flag.FlagSet, name, usage, value string, known ...string) {
	l.known = known
	if err := l.Set(value); err != nil {
		panic(err) // a mistake in this program
	}
	f.Var(l, name, fmt.Sprintf("%s: `list` of %s", usage, strings.Join(known, ", ")))
}

// Set implements flag.Value. An unknown name is an error; otherwise the command would silently measure nothing.
func (l *List) Set(text string) error {
	l.wanted = nil
	switch text {
	case "":
	case All:
		l.wanted = l.known
	default:
		for _, name := range strings.Split(text, ",") {
			if !slices.Contains(l.known, name) {
				return fmt.Errorf("%q is none of %s", name, strings.Join(l.known, ", "))
			}
			l.wanted = append(l.wanted, name)
		}
	}
	return nil
}

// String implements flag.Value.
func (l *List) String() string {
	if len(l.known) > 0 && slices.Equal(l.wanted, l.known) {
		return All
	}
	return strings.Join(l.wanted, ",")
}

// Has reports whether a name is selected.
func (l *List) Has(name string) bool { return slices.Contains(l.wanted, name) }

// Empty reports whether no name is selected.
func (l *List) Empty() bool { return len(l.wanted) == 0 }

// Numbers is a flag of numbers above zero.
type Numbers []int

// Flag adds the flag to f. value is the default.
func (n *Numbers) Flag(f *flag.FlagSet, name, usage, value string) {
	if err := n.Set(value); err != nil {
		panic(err) // a mistake in this program
	}
	f.Var(n, name, usage)
}

// Set implements flag.Value.
func (n *Numbers) Set(text string) error {
	*n = nil
	for _, word := range strings.Split(text, ",") {
		x, err := strconv.Atoi(word)
		if err != nil || x < 1 {
			return fmt.Errorf("%q is no number above zero", word)
		}
		*n = append(*n, x)
	}
	return nil
}

// String implements flag.Value.
func (n *Numbers) String() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(*n), " ", ","), "[]")
}
