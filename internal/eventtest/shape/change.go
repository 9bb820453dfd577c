package shape

import (
	"bytes"
	"fmt"

	"github.com/tailrace/tailrace/capture"
)

// Row has the values of some columns of a table, by their names.
type Row map[string]capture.Value

// Insert returns the values of a new row, or of one of a snapshot. Columns that row lacks are null.
func Insert(t *capture.Table, row Row) (after []capture.Value, err error) {
	return complete(t, row, nil)
}

// Update returns the old and the new row of an update as the stream carries them. The new row has the values of row, and those of old
// where row has none. unchanged are columns whose values are stored out of line and were not changed. before is nil when the stream
// carries no old row.
func Update(t *capture.Table, old, row Row, unchanged []string) (before, after []capture.Value, err error) {
	if err := identified(t); err != nil {
		return nil, nil, err
	}
	if old == nil && full(t) {
		return nil, nil, &Problem{
			Summary: fmt.Sprintf("an update of %s carries its old row, and there is no old", t),
			Detail:  "The replica identity is FULL. Add old = { ... } with the row before the update.",
		}
	}
	skipped := map[string]bool{}
	for _, name := range unchanged {
		if err := canBeUnchanged(t, name, old, row); err != nil {
			return nil, nil, err
		}
		skipped[name] = true
	}
	merged := Row{}
	for _, from := range []Row{old, row} {
		for name, v := range from {
			merged[name] = v
		}
	}
	if after, err = complete(t, merged, skipped); err != nil {
		return nil, nil, err
	}
	if full(t) {
		before, err = complete(t, old, nil) // the reader of a stream takes unchanged values from it, as merged has them
		return before, after, err
	}
	for name := range skipped {
		after[t.Column(name)] = capture.Value{Kind: capture.Unchanged}
	}
	return changedIdentity(t, old, after), after, nil
}

// Delete returns the old row of a delete: the columns of the replica identity.
func Delete(t *capture.Table, old Row) (before []capture.Value, err error) {
	if err := identified(t); err != nil {
		return nil, err
	}
	known := Row{}
	for _, c := range t.Columns {
		v, given := old[c.Name]
		switch {
		case !c.Identity:
		case given:
			known[c.Name] = v
		case !c.Nullable:
			return nil, missing(t, c.Name)
		}
	}
	return images(t, known, func(c *capture.Column) capture.ValueKind {
		if c.Identity {
			return capture.Null
		}
		return capture.Absent
	}), nil
}

// identified reports that Postgres refuses updates and deletes of a published table that has no replica identity.
func identified(t *capture.Table) error {
	for i := range t.Columns {
		if t.Columns[i].Identity {
			return nil
		}
	}
	return &Problem{
		Summary: fmt.Sprintf("Postgres refuses to update or delete rows of %s: it has no replica identity", t),
		Detail:  `Give the table a key, or identity = "full".`,
	}
}

// full reports whether the replica identity is FULL. Of a table whose columns all belong to its key, the old row of an update that
// does not change the key is not needed.
func full(t *capture.Table) bool {
	outside := false
	for i := range t.Columns {
		if !t.Columns[i].Identity {
			return false
		}
		outside = outside || !t.Columns[i].Key
	}
	return outside
}

// complete returns a value for each column: null where row has none. skipped columns need none.
func complete(t *capture.Table, row Row, skipped map[string]bool) ([]capture.Value, error) {
	for i := range t.Columns {
		c := &t.Columns[i]
		v, given := row[c.Name]
		if !c.Nullable && !skipped[c.Name] && (!given || v.Kind == capture.Null) {
			return nil, missing(t, c.Name)
		}
	}
	return images(t, row, func(*capture.Column) capture.ValueKind { return capture.Null }), nil
}

func missing(t *capture.Table, column string) *Problem {
	return &Problem{
		Summary: fmt.Sprintf("%s.%s has no value, and it is not null", t, column),
		Detail:  fmt.Sprintf("Write %s = ... in the row.", column),
	}
}

// images returns the values of a row, and of the kind that other gives where row has none.
func images(t *capture.Table, row Row, other func(*capture.Column) capture.ValueKind) []capture.Value {
	values := make([]capture.Value, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		v, given := row[c.Name]
		if !given {
			v = capture.Value{Kind: other(c)}
		}
		values[i] = v
	}
	return values
}

// canBeUnchanged checks a column of an unchanged list.
func canBeUnchanged(t *capture.Table, name string, old, row Row) error {
	i := t.Column(name)
	if i < 0 {
		return UnknownColumn(t, name)
	}
	if t.Columns[i].Inline {
		return &Problem{
			Summary: fmt.Sprintf("%s.%s cannot be unchanged: every update carries it", t, name),
			Detail:  fmt.Sprintf("Values of type %s are never stored out of line (TOAST). Remove it from unchanged.", t.Columns[i].Type),
		}
	}
	if _, given := row[name]; given {
		return &Problem{
			Summary: fmt.Sprintf("%s.%s is unchanged, and row has a value for it", t, name),
			Detail:  "Remove one of them: a stream carries no value of an unchanged column.",
		}
	}
	if v := old[name]; full(t) && v.Kind != capture.Text {
		return &Problem{
			Summary: fmt.Sprintf("%s.%s is unchanged, and old has no value for it", t, name),
			Detail:  "With REPLICA IDENTITY FULL the old row carries it. A value that is stored out of line is never null.",
		}
	}
	return nil
}

// changedIdentity returns the old values of the replica identity, if the update has changed one of them; else nil.
func changedIdentity(t *capture.Table, old Row, after []capture.Value) []capture.Value {
	known, changed := Row{}, false
	for i, c := range t.Columns {
		if !c.Identity {
			continue
		}
		v, given := old[c.Name]
		if !given {
			v = after[i]
		}
		known[c.Name] = v
		changed = changed || v.Kind != after[i].Kind || !bytes.Equal(v.Bytes, after[i].Bytes)
	}
	if !changed {
		return nil
	}
	return images(t, known, func(*capture.Column) capture.ValueKind { return capture.Absent })
}
