package postgres

import (
	"slices"

	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// keyOf returns the indexes of the key's columns. configured is the file's `key`, nil when it has none; primary the
// primary key of the catalogue, which may be newer than the message, in the order of its index.
//
//   - The file's key, when the message has all its columns.
//   - With the default replica identity the message flags the primary key as it was when the row was written, whatever
//     the catalogue says now. It does not tell the order, so that comes from the catalogue where both are the same
//     columns, and is the columns' own otherwise.
//   - Else (identity full, index or nothing, or a deferrable primary key) the primary key of the catalogue, when the
//     message has all its columns.
//   - Else a key column has been renamed or added since, or the table is gone: what the message flags. Full flags every
//     column and says nothing; the index that another identity names is unique too, but it is not the key where the
//     catalogue knows of none.
func keyOf(m *pgoutput.Relation, configured, primary []string, exists bool) []int {
	if key := indexes(m, configured); key != nil {
		return key
	}
	flagged := flags(m)
	if m.Identity == pgoutput.IdentityDefault && len(flagged) > 0 {
		if key := indexes(m, primary); sameSet(key, flagged) {
			return key
		}
		return flagged
	}
	key := indexes(m, primary)
	if key == nil && m.Identity == pgoutput.IdentityIndex && (len(primary) > 0 || !exists) {
		return flagged
	}
	return key
}

// settled says whether the catalogue and the message may speak of the same moment.
func settled(m *pgoutput.Relation, primary []string) bool {
	return m.Identity == pgoutput.IdentityDefault && sameSet(indexes(m, primary), flags(m))
}

// indexes returns where the named columns stand, or nil when one is not there or there are no names.
func indexes(m *pgoutput.Relation, names []string) []int {
	var all []int
	for _, name := range names {
		i := slices.IndexFunc(m.Columns, func(c pgoutput.Column) bool { return c.Name == name })
		if i < 0 {
			return nil
		}
		all = append(all, i)
	}
	return all
}

// flags returns where the columns of the replica identity stand.
func flags(m *pgoutput.Relation) []int {
	var all []int
	for i, c := range m.Columns {
		if c.Key {
			all = append(all, i)
		}
	}
	return all
}

// sameSet compares distinct indexes; those of sorted only grow.
func sameSet(key, sorted []int) bool {
	key = slices.Sorted(slices.Values(key))
	return slices.Equal(key, sorted)
}
