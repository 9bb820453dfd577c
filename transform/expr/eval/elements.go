package eval

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/transform/expr/jsontext"
)

// elements returns the elements of a list, or the fields of an object.
func (f *Frame) elements(v Value, at *Node) *Box {
	if v.Kind == ListKind || v.Kind == ObjectKind {
		return &Box{Keys: v.Box.Keys, List: v.Box.List}
	}
	p := &Box{}
	if v.Class() == ObjectClass {
		o := ObjectBuilder{}
		f.Each(v, AnyType, at.At, func(key, elem Value) bool {
			o.Set(key.Bytes, elem)
			return f.Take(ValueSize)
		})
		p = &o.Box
		if p.Keys == nil {
			p.Keys = [][]byte{}
		}
		return p
	}
	f.Each(v, AnyType, at.At, func(_, elem Value) bool {
		p.List = append(p.List, elem)
		return f.Take(ValueSize)
	})
	return p
}

// Field returns the field of an object; null when it has none, and when the value is no object.
func (f *Frame) Field(v Value, key []byte, at hcl.Range) Value {
	switch v.Kind {
	case DocumentKind:
		if v.Bytes[0] == '{' {
			return f.member(v.Bytes, key, at)
		}
	case ObjectKind:
		for i, k := range v.Box.Keys {
			if string(k) == string(key) {
				return v.Box.List[i]
			}
		}
	case RowKind:
		return f.Field(v.Box.Row.object(f, v.Row()), key, at)
	case Failed:
		return v
	}
	return Value{}
}

// IndexOf returns a number as an index; false for one that no list has.
func (f *Frame) IndexOf(v Value) (int, bool) {
	n, ok := f.Decimal(v)
	if !ok {
		return 0, false
	}
	i, ok := n.Integer()
	return i, ok && i >= 0
}

// ElementOf returns an element of a list; null when it has none, and when the value is no list.
func (f *Frame) ElementOf(v Value, i int, at hcl.Range) Value {
	switch v.Kind {
	case DocumentKind:
		if v.Bytes[0] == '[' {
			return f.element(v.Bytes, i, at)
		}
	case ListKind:
		if i < len(v.Box.List) {
			return v.Box.List[i]
		}
	case RowsKind:
		if i < len(v.Box.Rows) {
			return Value{Kind: RowKind, Int: int64(i), Box: v.Box}
		}
	case Failed:
		return v
	}
	return Value{}
}

// Each calls do with each element of a list, or with each field of an object, until do returns false. For null it calls nothing.
func (f *Frame) Each(v Value, item *Type, at hcl.Range, do func(key, elem Value) bool) {
	switch v.Kind {
	case DocumentKind:
		f.eachOfDocument(v.Bytes, item, at, do)
	case ListKind, ObjectKind:
		for i, e := range v.Box.List {
			key := Int(int64(i))
			if v.Kind == ObjectKind {
				key = Text(v.Box.Keys[i])
			}
			if !f.Spend(ValueSize) || !do(key, e) {
				return
			}
		}
	case RowsKind:
		for i := range v.Box.Rows {
			if !f.Spend(ValueSize) || !do(Int(int64(i)), Value{Kind: RowKind, Int: int64(i), Box: v.Box}) {
				return
			}
		}
	case RowKind:
		f.Each(v.Box.Row.object(f, v.Row()), item, at, do)
	case NullKind, Failed:
	default:
		f.Fail(at, "this is neither a list nor an object")
	}
}

func (f *Frame) eachOfDocument(doc []byte, item *Type, at hcl.Range, do func(key, elem Value) bool) {
	if !f.Spend(len(doc)) {
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
			f.Fail(at, "this is not JSON")
			return
		}
		if done || !f.Spend(ValueSize) {
			return
		}
		key := Int(i)
		if object {
			key = Text(f.unquote(k[1 : len(k)-1]))
		}
		elem := item.Typed(f.JSON(value, at))
		if elem.Kind == Failed || !do(key, elem) {
			return
		}
	}
}
