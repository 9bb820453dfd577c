package aggregate

import (
	"bytes"

	"github.com/tailrace/tailrace/capture"
)

// equalForm reports whether values of two types are equal exactly when their texts are, in a form that is the same for both; a nil
// form leaves the texts as they are.
func equalForm(a, b *capture.Type) (form func([]byte) []byte, ok bool) {
	a, b = base(a), base(b)
	switch {
	case isNumber(a) && isNumber(b):
		if a.Kind == capture.KindInt && b.Kind == capture.KindInt {
			return nil, true
		}
		return withoutZeros, true
	case a.Kind != b.Kind:
		return nil, false
	case isText(a) && isText(b):
		return nil, true
	case a.OID != b.OID || a.String() != b.String():
		return nil, false
	}
	switch a.Kind {
	case capture.KindBool, capture.KindBytes, capture.KindDate, capture.KindTimestamp, capture.KindTimestampTZ, capture.KindMoney:
		return nil, true
	case capture.KindText:
		if a.Name == "bpchar" {
			return withoutSpaces, true
		}
		return nil, a.Name != "citext" // which compares without case
	}
	return nil, false
}

// base returns the type that a domain is based on.
func base(t *capture.Type) *capture.Type {
	for t.User != nil && t.User.Kind == capture.UserDomain && t.User.Base != nil {
		t = t.User.Base
	}
	return t
}

func isNumber(t *capture.Type) bool {
	return t.Kind == capture.KindInt || t.Kind == capture.KindNumeric
}

// isText reports whether values of the type are texts that Postgres compares as they are.
func isText(t *capture.Type) bool {
	return t.Kind == capture.KindText && t.User == nil && (t.Name == "text" || t.Name == "varchar" || t.Name == "name")
}

// withoutZeros returns a number without the zeros at the end of its fraction: 1.50 is equal to 1.5.
func withoutZeros(text []byte) []byte {
	if bytes.IndexByte(text, '.') < 0 {
		return text
	}
	return bytes.TrimSuffix(bytes.TrimRight(text, "0"), []byte("."))
}

// withoutSpaces returns the text of a char(n) without the spaces that fill it up.
func withoutSpaces(text []byte) []byte { return bytes.TrimRight(text, " ") }
