package eval

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/transform/expr/jsontext"
)

// JSON returns the value of a JSON text.
func (f *Frame) JSON(s []byte, at hcl.Range) Value {
	s = jsontext.TrimSpace(s)
	if len(s) == 0 {
		return f.Fail(at, "this is not JSON")
	}
	switch s[0] {
	case '{', '[':
		return Value{Kind: DocumentKind, Bytes: s}
	case '"':
		if n := jsontext.StringLen(s); n > 0 {
			return Text(f.unquote(s[1 : n-1]))
		}
		return f.Fail(at, "this is not JSON")
	case 't':
		return Bool(true)
	case 'f':
		return Bool(false)
	case 'n':
		return Value{}
	}
	for len(s) > 0 && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return Value{Kind: NumberKind, Bytes: s}
}

// unquote returns the text of a JSON string without its quotes.
func (f *Frame) unquote(s []byte) []byte {
	if !jsontext.HasEscapes(s) {
		return s
	}
	start := len(f.Arena)
	f.Arena = jsontext.AppendUnquoted(f.Arena, s)
	return f.Kept(start)
}

// member returns the member of an object, null when it has none. Of several with the same key, the last counts, as in Postgres.
func (f *Frame) member(doc []byte, key []byte, at hcl.Range) Value {
	if !f.Spend(len(doc)) {
		return Value{Kind: Failed}
	}
	var found []byte
	s := doc[1:]
	for {
		k, value, rest, done, ok := jsontext.CutMember(s)
		if !ok {
			return f.Fail(at, "this is not JSON")
		}
		if done {
			break
		}
		if f.sameKey(k[1:len(k)-1], key) {
			found = value
		}
		s = rest
	}
	if found == nil {
		return Value{}
	}
	return f.JSON(found, at)
}

// sameKey compares the text of a JSON string with a key.
func (f *Frame) sameKey(raw, key []byte) bool {
	if !jsontext.HasEscapes(raw) {
		return string(raw) == string(key)
	}
	start := len(f.Arena)
	same := string(f.unquote(raw)) == string(key)
	f.Arena = f.Arena[:start]
	return same
}

// element returns an element of an array, null when it has none.
func (f *Frame) element(doc []byte, index int, at hcl.Range) Value {
	if !f.Spend(len(doc)) {
		return Value{Kind: Failed}
	}
	s := doc[1:]
	for i := 0; ; i++ {
		value, rest, done, ok := jsontext.CutElement(s)
		switch {
		case !ok:
			return f.Fail(at, "this is not JSON")
		case done:
			return Value{}
		case i == index:
			return f.JSON(value, at)
		}
		s = rest
	}
}
