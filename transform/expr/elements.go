package expr

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/transform/expr/jsontext"
)

// elements returns the elements of a list, or the fields of an object.
func (f *frame) elements(v val, at *node) *box {
	if v.kind == listKind || v.kind == objectKind {
		return &box{keys: v.p.keys, list: v.p.list}
	}
	p := &box{}
	if v.class() == objectClass {
		o := objectBuilder{}
		f.each(v, anyType, at.at, func(key, elem val) bool {
			o.set(key.b, elem)
			return f.take(valSize)
		})
		p = &o.box
		if p.keys == nil {
			p.keys = [][]byte{}
		}
		return p
	}
	f.each(v, anyType, at.at, func(_, elem val) bool {
		p.list = append(p.list, elem)
		return f.take(valSize)
	})
	return p
}

// field returns the field of an object; null when it has none, and when the value is no object.
func (f *frame) field(v val, key []byte, at hcl.Range) val {
	switch v.kind {
	case docKind:
		if v.b[0] == '{' {
			return f.member(v.b, key, at)
		}
	case objectKind:
		for i, k := range v.p.keys {
			if string(k) == string(key) {
				return v.p.list[i]
			}
		}
	case rowKind:
		return f.field(v.p.row.object(f, v.row()), key, at)
	case failed:
		return v
	}
	return val{}
}

// indexOf returns a number as an index; false for one that no list has.
func (f *frame) indexOf(v val) (int, bool) {
	n, ok := f.num(v)
	if !ok {
		return 0, false
	}
	i, ok := n.Integer()
	return i, ok && i >= 0
}

// elementOf returns an element of a list; null when it has none, and when the value is no list.
func (f *frame) elementOf(v val, i int, at hcl.Range) val {
	switch v.kind {
	case docKind:
		if v.b[0] == '[' {
			return f.element(v.b, i, at)
		}
	case listKind:
		if i < len(v.p.list) {
			return v.p.list[i]
		}
	case rowsKind:
		if i < len(v.p.rows) {
			return val{kind: rowKind, i: int64(i), p: v.p}
		}
	case failed:
		return v
	}
	return val{}
}

// each calls do with each element of a list, or with each field of an object, until do returns false. For null it calls nothing.
func (f *frame) each(v val, item *typ, at hcl.Range, do func(key, elem val) bool) {
	switch v.kind {
	case docKind:
		f.eachOfDocument(v.b, item, at, do)
	case listKind, objectKind:
		for i, e := range v.p.list {
			key := intVal(int64(i))
			if v.kind == objectKind {
				key = textVal(v.p.keys[i])
			}
			if !f.spend(valSize) || !do(key, e) {
				return
			}
		}
	case rowsKind:
		for i := range v.p.rows {
			if !f.spend(valSize) || !do(intVal(int64(i)), val{kind: rowKind, i: int64(i), p: v.p}) {
				return
			}
		}
	case rowKind:
		f.each(v.p.row.object(f, v.row()), item, at, do)
	case nullKind, failed:
	default:
		f.fail(at, "this is neither a list nor an object")
	}
}

func (f *frame) eachOfDocument(doc []byte, item *typ, at hcl.Range, do func(key, elem val) bool) {
	if !f.spend(len(doc)) {
		return
	}
	object := doc[0] == '{'
	s := doc[1:]
	for i := int64(0); ; i++ {
		var k, value []byte
		var done, ok bool
		if object {
			k, value, s, done, ok = jsontext.CutMember(s)
		} else {
			value, s, done, ok = jsontext.CutElement(s)
		}
		if !ok {
			f.fail(at, "this is not JSON")
			return
		}
		if done || !f.spend(valSize) {
			return
		}
		key := intVal(i)
		if object {
			key = textVal(f.unquote(k[1 : len(k)-1]))
		}
		elem := item.typed(f.resolve(value, at))
		if elem.kind == failed || !do(key, elem) {
			return
		}
	}
}
