package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Type OIDs of the tables' columns.
const (
	jsonbOID       = 3802
	textArrayOID   = 1009
	timestamptzOID = 1184
)

// differs returns where a JSON row differs from Postgres' text; "" if they agree.
func differs(row json.RawMessage, unchanged []string, want map[string]Text) string {
	var have map[string]json.RawMessage
	if err := json.Unmarshal(row, &have); err != nil {
		return fmt.Sprintf("%q is no row", row)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		text := want[name]
		raw, sent := have[name]
		delete(have, name)
		if text.Kind == 'u' {
			if sent || !slices.Contains(unchanged, name) {
				return fmt.Sprintf("column %s was not sent by Postgres", name)
			}
			continue
		}
		if !sent || !text.is(raw) {
			return fmt.Sprintf("column %s is %.80s, the reference says %.80q", name, raw, text.Value)
		}
	}
	for name := range have {
		return fmt.Sprintf("the reference has no column %s", name)
	}
	return ""
}

// is reports whether a JSON value equals the text. Arrays are left to the fingerprint.
func (t Text) is(raw json.RawMessage) bool {
	if t.Kind == 'n' {
		return string(raw) == "null"
	}
	switch t.Type {
	case textArrayOID:
		return len(raw) > 0 && raw[0] == '['
	case jsonbOID:
		var want bytes.Buffer
		return json.Compact(&want, []byte(t.Value)) == nil && bytes.Equal(want.Bytes(), compact(raw))
	case timestamptzOID:
		want, err := time.Parse("2006-01-02 15:04:05.999999999Z07", t.Value)
		var have time.Time
		return err == nil && json.Unmarshal(raw, &have) == nil && have.Equal(want)
	}
	if len(raw) > 0 && raw[0] == '"' {
		var s string
		return json.Unmarshal(raw, &s) == nil && s == t.Value
	}
	return string(raw) == t.Value
}

func compact(raw json.RawMessage) []byte {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return nil
	}
	return b.Bytes()
}
