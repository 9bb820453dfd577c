package mask

import "github.com/tailrace/tailrace/capture"

// MaskedColumns returns the names of the columns of a table that the block masks. What they have is of the columns' types, or null.
func (s *Settings) MaskedColumns(t *capture.Table) (names []string) {
	r, _ := newRule(s)
	if !r.tables.Match(t.Schema, t.Name) {
		return nil
	}
	for _, c := range r.columns {
		names = append(names, c.name)
	}
	return names
}
