package transform

import (
	"bytes"

	"github.com/tailrace/tailrace/capture"
)

// The suffixes of the two events that a change of key becomes.
const (
	SuffixDelete = "del"
	SuffixInsert = "ins"
)

// SplitKeyChange is a Func: an update that changes the key of a row becomes a delete under the old key and an insert
// under the new one, so that a consumer that goes by keys keeps no row that is gone. Any other event passes as it is,
// and so does one that a block dressed or gave a key: what that means, the block says.
//
// The delete has the old row, the insert the new one. What the new row does not carry, because it is TOASTed and
// unchanged, is taken from the old row where that has it. Both are at the place of the update in the log.
func SplitKeyChange(dst []Event, e Event) ([]Event, error) {
	c := e.Change
	if c.Op != capture.Update || e.HasKey || e.HasData || e.Type != "" || !keyChanged(c) {
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

// known reports whether v is a value, a null included.
func known(v capture.Value) bool { return v.Kind == capture.Text || v.Kind == capture.Null }

// filled is row with the values that only from carries; nil when there is none. A TOASTed value is never null, so a null
// there is not taken for one.
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

// keyChanged compares what both rows carry of the key: what one of them does not carry has not changed.
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

// oldRow is the old row with its whole key: the columns of the key that the replica identity does not carry have not
// changed, as far as anybody can know.
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
