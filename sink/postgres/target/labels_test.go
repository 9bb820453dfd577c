package target

import (
	"strings"
	"testing"
)

func TestLabels(t *testing.T) {
	for _, c := range []struct {
		source, target string
		manual, adds   string // the labels that an operator renames, and those that are added
	}{
		{"a b c", "a b c", "", ""},
		{"a b c", "b", "", "a BEFORE 'b', c AFTER 'b'"},
		{"a b c", "", "", "a, b AFTER 'a', c AFTER 'b'"},
		{"a x c", "a b c", "'b' TO 'x'", ""},
		{"x y c", "a b c", "'a' TO 'x', 'b' TO 'y'", ""},
		{"a x c d", "a b c", "'b' TO 'x'", "d AFTER 'c'"},
		{"z a x c", "a b c", "'b' TO 'x'", "z BEFORE 'a'"},
		{"a x y c", "a b c", "'b' TO '...'", ""},
		{"a x c", "a b1 b2 c", "'b1' TO '...'", ""},
		{"a c", "a own c", "", ""},
	} {
		s := &types{changes: &changes{}}
		s.compareLabels("e", strings.Fields(c.source), strings.Fields(c.target))
		var manual, adds []string
		for _, p := range s.manual {
			_, rename, _ := strings.Cut(p.sql, "RENAME VALUE ")
			manual = append(manual, rename)
		}
		for _, a := range s.aparts {
			adds = append(adds, strings.Replace(strings.TrimPrefix(a.sql, "ALTER TYPE e ADD VALUE '"), "'", "", 1))
		}
		if got := strings.Join(manual, ", "); got != c.manual {
			t.Errorf("%s in the source, %s in the target: %s is renamed, want %s", c.source, c.target, got, c.manual)
		}
		if got := strings.Join(adds, ", "); got != c.adds {
			t.Errorf("%s in the source, %s in the target: %s is added, want %s", c.source, c.target, got, c.adds)
		}
	}
}
