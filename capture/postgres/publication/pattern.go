package publication

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// Pattern is one entry of tables or except.
type Pattern struct{ schema, name string }

// ParsePattern splits the text at the first dot.
func ParsePattern(s string) (Pattern, error) {
	schema, name, ok := capture.SplitName(s)
	switch {
	case !ok:
		return Pattern{}, fmt.Errorf("%q is not schema.table", s)
	case strings.ContainsRune(s, 0):
		return Pattern{}, fmt.Errorf("%q has a zero byte", s)
	case len(schema) > 63 || len(name) > 63:
		return Pattern{}, fmt.Errorf("%q: Postgres cuts names at 63 bytes", s)
	}
	return Pattern{schema, name}, nil
}

// Exact reports whether the pattern names one table.
func (p Pattern) Exact() bool { return !strings.Contains(p.schema+p.name, "*") }

// Match reports whether the pattern matches a table.
func (p Pattern) Match(schema, name string) bool { return glob(p.schema, schema) && glob(p.name, name) }

// glob matches s against a pattern in which * stands for any run of characters. Taking the first match of each piece is
// right, except for the last piece, which has to match at the end.
func glob(p, s string) bool {
	pieces := strings.Split(p, "*")
	if len(pieces) == 1 {
		return p == s
	}
	s, ok := strings.CutPrefix(s, pieces[0])
	if !ok {
		return false
	}
	last := pieces[len(pieces)-1]
	for _, piece := range pieces[1 : len(pieces)-1] {
		if _, s, ok = strings.Cut(s, piece); !ok {
			return false
		}
	}
	return strings.HasSuffix(s, last)
}

// closest returns the name that was probably intended, or "".
func closest(name string, names []string) string {
	best, at := "", max(2, len(name)/3)+1
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return n
		}
		if d := distance(strings.ToLower(name), strings.ToLower(n), at); d < at {
			best, at = n, d
		}
	}
	return best
}

// distance returns the number of letters to insert, delete or replace; limit when it is not below that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
}
