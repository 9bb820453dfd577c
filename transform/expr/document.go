package expr

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/transform/expr/jsontext"
)

// resolve returns the value of a JSON text.
func (f *frame) resolve(s []byte, at hcl.Range) val {
	s = jsontext.TrimSpace(s)
	if len(s) == 0 {
		return f.fail(at, "this is not JSON")
	}
	switch s[0] {
	case '{', '[':
		return val{kind: docKind, b: s}
	case '"':
		if n := jsontext.StringLen(s); n > 0 {
			return textVal(f.unquote(s[1 : n-1]))
		}
		return f.fail(at, "this is not JSON")
	case 't':
		return boolVal(true)
	case 'f':
		return boolVal(false)
	case 'n':
		return val{}
	}
	for len(s) > 0 && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return val{kind: numKind, b: s}
}

// unquote returns the text of a JSON string without its quotes.
func (f *frame) unquote(s []byte) []byte {
	if !jsontext.HasEscapes(s) {
		return s
	}
	start := len(f.arena)
	f.arena = jsontext.AppendUnquoted(f.arena, s)
	return f.kept(start)
}

// member returns the member of an object, null when it has none. Of several with the same key, the last counts, as in Postgres.
func (f *frame) member(doc []byte, key []byte, at hcl.Range) val {
	if !f.spend(len(doc)) {
		return val{kind: failed}
	}
	var found []byte
	s := doc[1:]
	for {
		k, value, rest, done, ok := jsontext.CutMember(s)
		if !ok {
			return f.fail(at, "this is not JSON")
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
		return val{}
	}
	return f.resolve(found, at)
}

// sameKey compares the text of a JSON string with a key.
func (f *frame) sameKey(raw, key []byte) bool {
	if !jsontext.HasEscapes(raw) {
		return string(raw) == string(key)
	}
	start := len(f.arena)
	same := string(f.unquote(raw)) == string(key)
	f.arena = f.arena[:start]
	return same
}

// element returns an element of an array, null when it has none.
func (f *frame) element(doc []byte, index int, at hcl.Range) val {
	if !f.spend(len(doc)) {
		return val{kind: failed}
	}
	s := doc[1:]
	for i := 0; ; i++ {
		value, rest, done, ok := jsontext.CutElement(s)
		switch {
		case !ok:
			return f.fail(at, "this is not JSON")
		case done:
			return val{}
		case i == index:
			return f.resolve(value, at)
		}
		s = rest
	}
}
