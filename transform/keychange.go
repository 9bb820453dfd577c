package transform

import (
	"bytes"

	"github.com/tailrace/tailrace/capture"
)

// The suffixes of the two events that result from a change of a key.
const (
	SuffixDelete = "del"
	SuffixInsert = "ins"
)

// SplitKeyChange is a Func. It splits an update that changes the key of a row into a delete with the old key and an insert with
// the new one, so that a consumer that goes by keys retains no stale row. It passes on any other event unchanged, including one
// whose type, key or payload a block has set: that block defines its meaning.
//
// The delete has the old row, the insert the new one. Unchanged TOASTed values, which the new row does not carry, are taken from
// the old row if it has them. Both events have the position of the update in the log.
func SplitKeyChange(dst []Event, e Event) ([]Event, error) {
	c := e.Change
	if c.Op != capture.Update || !e.Plain() || !keyChanged(c) {
		return append(dst, e), nil
	}
	changes := [2]capture.Change{*c, *c}
	gone, come := &changes[0], &changes[1]
	gone.Op, gone.Before, gone.After = capture.Delete, oldRow(c), nil
	come.Op, come.Before = capture.Insert, nil
	if after := filled(c.After, c.Before); after != nil {
		come.After = after
	}
	old, next := e, e
	old.Change, old.Suffix = gone, SuffixDelete
	next.Change, next.Suffix = come, SuffixInsert
	return append(dst, old, next), nil
}

// known reports whether v is a value or null.
func known(v capture.Value) bool { return v.Kind == capture.Text || v.Kind == capture.Null }

// filled returns a copy of row with the values that only from carries, or nil if there are none. A TOASTed value is never null,
// so filled ignores a null in from.
func filled(row, from []capture.Value) []capture.Value {
	var out []capture.Value
	for i := range min(len(row), len(from)) {
		if known(row[i]) || from[i].Kind != capture.Text {
			continue
		}
		if out == nil {
			out = append([]capture.Value(nil), row...)
		}
		out[i] = from[i]
	}
	return out
}

// keyChanged reports whether a key column that both rows carry differs. A column that either row lacks has not changed.
func keyChanged(c *capture.Change) bool {
	if c.Before == nil || c.After == nil {
		return false
	}
	for _, i := range c.Table.Key {
		old, next := c.Before[i], c.After[i]
		if known(old) && known(next) && (old.Kind != next.Kind || !bytes.Equal(old.Bytes, next.Bytes)) {
			return true
		}
	}
	return false
}

// oldRow returns the old row with its complete key. It assumes that key columns that the replica identity does not carry have not
// changed.
func oldRow(c *capture.Change) []capture.Value {
	row := c.Before
	for _, i := range c.Table.Key {
		if known(row[i]) || !known(c.After[i]) {
			continue
		}
		if &row[0] == &c.Before[0] {
			row = append([]capture.Value(nil), row...)
		}
		row[i] = c.After[i]
	}
	return row
}
