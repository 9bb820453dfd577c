package postgres

import (
	"encoding/json"

	"github.com/tailrace/tailrace/capture"
)

// old is what is known of the row that a change concerns, as it is before: at least the key.
func old(c *capture.Change) []capture.Value {
	if c.Before != nil {
		return c.Before
	}
	return c.After
}

// given says whether v is a value, a null included.
func given(v capture.Value) bool { return v.Kind == capture.Text || v.Kind == capture.Null }

func equal(a, b capture.Value) bool { return a.Kind == b.Kind && string(a.Bytes) == string(b.Bytes) }

// whole says whether every value of a row is given.
func whole(row []capture.Value) bool {
	for i := range row {
		if !given(row[i]) {
			return false
		}
	}
	return true
}

// inserts reports whether a change writes a new row.
func inserts(c *capture.Change) bool { return c.Op == capture.Insert || c.Op == capture.Read }

// rowless reports whether a change only names a table of a copy.
func rowless(c *capture.Change) bool { return c.Op == capture.Read && c.After == nil }

// text is a parameter: nil for a null, never for an empty text.
func text(v capture.Value) []byte {
	if v.Kind != capture.Text {
		return nil
	}
	if v.Bytes == nil {
		return []byte{}
	}
	return v.Bytes
}

// keyJSON is a row's key as tailrace.parked has it: an array of texts; "" where there is none.
func (p *plan) keyJSON(row []capture.Value) string {
	if len(p.key) == 0 || row == nil {
		return ""
	}
	values := make([]string, len(p.key))
	for n, i := range p.key {
		if !given(row[i]) {
			return ""
		}
		values[n] = row[i].String()
	}
	return string(encoded(values))
}

// keysOf are the keys that a change is about: the old one, and the new one where it differs.
func (p *plan) keysOf(c *capture.Change) (key, next string) {
	if c.Op == capture.Truncate {
		return "", ""
	}
	key = p.keyJSON(old(c))
	if next = p.keyJSON(c.After); next == key {
		next = ""
	}
	return key, next
}

func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // numbers and strings
	}
	return b
}
