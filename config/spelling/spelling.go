// Package spelling finds what was probably meant by a misspelt name.
package spelling

import (
	"sort"

	"github.com/agext/levenshtein"
)

// Nearest returns the known name that is most similar to the given one, at most two letters away; "": none is. It sorts known.
func Nearest(given string, known []string) string {
	sort.Strings(known)
	best, found := 3, ""
	for _, k := range known {
		d := levenshtein.Distance(given, k, nil)
		if d < best && d < len(k) {
			best, found = d, k
		}
	}
	return found
}
