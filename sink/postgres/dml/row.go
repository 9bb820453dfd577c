package dml

import (
	"encoding/json"

	"github.com/tailrace/tailrace/capture"
)

// OldRow returns what is known of the row before the change: at least the key.
func OldRow(c *capture.Change) []capture.Value {
	if c.Before != nil {
		return c.Before
	}
	return c.After
}

// Given reports whether v is a known value, which may be null.
func Given(v capture.Value) bool { return v.Kind == capture.Text || v.Kind == capture.Null }

func equal(a, b capture.Value) bool { return a.Kind == b.Kind && string(a.Bytes) == string(b.Bytes) }

// Complete reports whether every value of a row is given.
func Complete(row []capture.Value) bool {
	for i := range row {
		if !Given(row[i]) {
			return false
		}
	}
	return true
}

// IsInsert reports whether a change writes a new row.
func IsInsert(c *capture.Change) bool { return c.Op == capture.Insert || c.Op == capture.Read }

// Rowless reports whether a change has no row and only names a table of a copy.
func Rowless(c *capture.Change) bool { return c.Op == capture.Read && c.After == nil }

// Param returns a value as a parameter: nil for null, but not for an empty text.
func Param(v capture.Value) []byte {
	if v.Kind != capture.Text {
		return nil
	}
	if v.Bytes == nil {
		return []byte{}
	}
	return v.Bytes
}

// keyJSON returns a row's key as tailrace.parked has it: an array of texts, or "" when there is none.
func (p *Plan) keyJSON(row []capture.Value) string {
	if len(p.Key) == 0 || row == nil {
		return ""
	}
	values := make([]string, len(p.Key))
	for n, i := range p.Key {
		if !Given(row[i]) {
			return ""
		}
		values[n] = row[i].String()
	}
	return string(JSON(values))
}

// Keys returns the keys of a change: the old one, and the new one when it differs.
func (p *Plan) Keys(c *capture.Change) (key, next string) {
	if c.Op == capture.Truncate {
		return "", ""
	}
	key = p.keyJSON(OldRow(c))
	if next = p.keyJSON(c.After); next == key {
		next = ""
	}
	return key, next
}

// JSON encodes numbers, strings and maps of them.
func JSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // does not happen for these types
	}
	return b
}
