package decode

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// cutKey lists the identifying columns that the rows of a table lack.
type cutKey struct {
	columns []string // that are not published; nil: nothing
	old     bool     // only old rows lack them: an insert has its key
}

// keyOf returns the indexes of the key's columns, and those of them that the rows lack. configured is the file's `key`, nil
// when it has none; d is the catalogue's description, which may be newer than the message.
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
//
// A message does not flag columns that it does not carry: of a key with a generated column, which servers before 18 do not
// publish, it flags the rest. So a key that has such a column according to the catalogue is cut.
func keyOf(m *pgoutput.Relation, configured []string, d *description, exists bool) ([]int, cutKey) {
	flagged := flags(m)
	if key := indexes(m, configured); key != nil {
		return key, cutKey{d.cut(m, key), true}
	}
	if lost := d.unsent(m, configured); lost != nil {
		return nil, cutKey{columns: lost}
	}
	key := indexes(m, d.key)
	if m.Identity == pgoutput.IdentityDefault {
		if lost := d.cut(m, nil); lost != nil {
			return nil, cutKey{columns: lost}
		}
		if len(flagged) > 0 && !sameSet(key, flagged) {
			return flagged, cutKey{}
		}
		return key, cutKey{}
	}
	if m.Identity == pgoutput.IdentityIndex {
		cut := cutKey{d.cut(m, key), true}
		if key == nil && (len(d.key) > 0 || !exists) {
			cut.old = false
			return flagged, cut
		}
		return key, cut
	}
	return key, cutKey{columns: d.unsent(m, d.key)}
}

// cut returns the columns that the replica identity of a message has, or may have had, and the message lacks. It returns
// nil when there are none, or when the old rows carry all of key nevertheless.
//
// When the catalogue shows another identity than the message flags, the identity with which the row was written is gone. It
// may have had any generated column that is NOT NULL, as the columns of an identity are.
func (d *description) cut(m *pgoutput.Relation, key []int) []string {
	identity, flagged := d.key, flags(m)
	switch m.Identity {
	case pgoutput.IdentityDefault:
	case pgoutput.IdentityIndex:
		identity = d.identity
	default:
		return nil
	}
	carried := func(i int) bool { return slices.Contains(flagged, i) }
	if len(key) > 0 && !slices.ContainsFunc(key, func(i int) bool { return !carried(i) }) {
		return nil
	}
	if lost := d.unsent(m, identity); lost != nil {
		return lost
	}
	if sameSet(indexes(m, identity), flagged) || d.deferrable(identity) {
		return nil
	}
	var lost []string
	for _, a := range d.columns {
		if a.Required {
			lost = append(lost, d.unsent(m, []string{a.Name})...)
		}
	}
	return lost
}

// unsent returns those of the named columns that are generated and not in the message.
func (d *description) unsent(m *pgoutput.Relation, names []string) []string {
	var lost []string
	for _, name := range names {
		if a := d.column(name); a != nil && a.Generated && indexes(m, []string{name}) == nil {
			lost = append(lost, name)
		}
	}
	return lost
}

// deferrable reports whether the columns are those of a deferrable constraint, which cannot be a replica identity.
func (d *description) deferrable(names []string) bool {
	return slices.ContainsFunc(d.late, func(late []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(late)), slices.Sorted(slices.Values(names)))
	})
}

// keyNotSent is the problem of a row without a part of its key: after the start the key was changed to one that is not
// published.
func keyNotSent(t *capture.Table, columns []string) *capture.Problem {
	lacks := "a part of its key"
	if len(columns) > 0 {
		lacks = strings.Join(columns, ", ") + " of its key"
	}
	return problem.Refusal("key_not_published", fmt.Sprintf(
		"a row of %s arrived without %s: generated columns that are not published are in its key, or were when it was written", t, lacks),
		fmt.Sprintf("make the primary key of %s of columns that are published; or ALTER TABLE %s REPLICA IDENTITY FULL, and "+
			"set key in the table's block.\nThe rows that were written until then lack a part of it: "+
			"`tailrace drop -pipeline P FILE`, then start again with a snapshot", t, pgconnect.Ident(t.Schema, t.Name)))
}

// indexes returns the indexes of the named columns, or nil when one of them is missing or names is empty.
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

// flags returns the indexes of the columns of the replica identity.
func flags(m *pgoutput.Relation) []int {
	var all []int
	for i, c := range m.Columns {
		if c.Key {
			all = append(all, i)
		}
	}
	return all
}

// sameSet compares sets of distinct indexes; sorted is in ascending order.
func sameSet(key, sorted []int) bool {
	key = slices.Sorted(slices.Values(key))
	return slices.Equal(key, sorted)
}
