package functions

import (
	"bytes"
	"slices"

	"github.com/tailrace/tailrace/transform/expr/eval"
)

// collectionFunctions are the functions over lists and objects.
var collectionFunctions = map[string]Function{
	"length":       {params: []param{collectionParam}, result: returns(eval.NumberType), call: length},
	"keys":         {params: []param{objectParam}, result: returns(&eval.Type{Class: eval.ListClass, Elem: eval.TextType}), call: keys},
	"values":       {params: []param{objectParam}, result: listOfItems, call: values},
	"merge":        {params: []param{objectParam}, rest: objectParam, variadic: true, result: returns(eval.ObjectType), call: merge},
	"lookup":       {params: []param{objectParam, textParam, anyParam}, optional: 1, result: itemOrDefault, call: lookup},
	"contains":     {params: []param{listParam, anyParam}, result: returns(eval.BoolType), prepare: checkContains, call: contains},
	"concat":       {params: []param{listParam}, rest: listParam, variadic: true, result: returns(eval.ListType), call: concat},
	"flatten":      {params: []param{listParam}, result: returns(eval.ListType), call: flatten},
	"distinct":     {params: []param{listParam}, result: listOfItems, call: distinct},
	"compact":      {params: []param{listParam}, result: listOfItems, call: compact},
	"reverse":      {params: []param{listParam}, result: listOfItems, call: reverse},
	"element":      {params: []param{listParam, numberParam}, result: item, call: element},
	"slice":        {params: []param{listParam, numberParam, numberParam}, optional: 1, result: listOfItems, call: slice},
	"sort":         {params: []param{listParam}, result: returns(&eval.Type{Class: eval.ListClass, Elem: eval.TextType}), call: sortTexts},
	"coalescelist": {params: []param{anyParam}, rest: anyParam, variadic: true, result: returns(eval.ListType), call: coalesceList},
}

func item(s *Call) *eval.Type { return s.Items[0] }

func listOfItems(s *Call) *eval.Type { return &eval.Type{Class: eval.ListClass, Elem: s.Items[0]} }

func itemOrDefault(s *Call) *eval.Type {
	if len(s.Args) < 3 || s.Args[0].Type.Row != nil {
		return eval.AnyType
	}
	return eval.Unify(s.Items[0], s.Args[2].Type)
}

// elementsOf appends the elements of a list to a new one.
func elementsOf(f *eval.Frame, v eval.Value, t *eval.Type, s *Call, list []eval.Value) []eval.Value {
	f.Each(v, t, s.At, func(_, elem eval.Value) bool {
		list = append(list, elem)
		return f.Take(eval.ValueSize)
	})
	return list
}

// fieldsOf adds the fields of an object to another.
func fieldsOf(f *eval.Frame, v eval.Value, t *eval.Type, s *Call, o *eval.ObjectBuilder) {
	f.Each(v, t, s.At, func(key, elem eval.Value) bool {
		o.Set(key.Bytes, elem)
		return f.Take(eval.ValueSize)
	})
}

func length(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	n := int64(0)
	switch v := a[0]; {
	case v.Kind == eval.ListKind || v.Kind == eval.ObjectKind:
		return eval.Int(int64(len(v.Box.List)))
	case v.Kind == eval.RowsKind:
		return eval.Int(int64(len(v.Box.Rows)))
	case v.Class() == eval.ObjectClass: // of several members with the same key, one counts
		o := eval.ObjectBuilder{}
		fieldsOf(f, v, eval.AnyType, s, &o)
		return eval.Int(int64(len(o.Box.Keys)))
	}
	f.Each(a[0], eval.AnyType, s.At, func(_, _ eval.Value) bool {
		n++
		return true
	})
	return eval.Int(n)
}

// sortedFields returns the fields of an object in the order of their keys.
func sortedFields(f *eval.Frame, s *Call, v eval.Value) (fields eval.Box) {
	o := eval.ObjectBuilder{}
	fieldsOf(f, v, s.Items[0], s, &o)
	order := make([]int, len(o.Box.Keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(o.Box.Keys[a], o.Box.Keys[b]) })
	for _, i := range order {
		fields.Keys, fields.List = append(fields.Keys, o.Box.Keys[i]), append(fields.List, o.Box.List[i])
	}
	return fields
}

func keys(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	list := []eval.Value{}
	for _, k := range sortedFields(f, s, a[0]).Keys {
		list = append(list, eval.Text(k))
	}
	return eval.List(list)
}

func values(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	return eval.List(append([]eval.Value{}, sortedFields(f, s, a[0]).List...))
}

func merge(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	o := eval.ObjectBuilder{}
	for i, v := range a {
		fieldsOf(f, v, s.Items[i], s, &o)
	}
	return o.Value()
}

func lookup(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	found := false
	v := eval.Value{}
	f.Each(a[0], s.Items[0], s.At, func(key, elem eval.Value) bool {
		if string(key.Bytes) == string(a[1].Bytes) {
			v, found = elem, true
		}
		return true
	})
	switch {
	case found:
		return v
	case len(a) < 3:
		return f.Fail(s.Args[1].At, "the object has no such key")
	}
	return a[2]
}

// checkContains reports a value that no element of the list can be.
func checkContains(k Checker, s *Call) bool {
	elem := *s.Items[0]
	elem.Nested = elem.Nested && s.Args[1].Type.Class == eval.ListClass
	if elem.Class == eval.TextClass && s.Args[1].Type.Class == eval.TextClass || s.Args[1].Type.Class == eval.NullClass {
		return true
	}
	return k.Comparable(&eval.Node{Type: &elem, At: s.Args[0].At, Name: s.Args[0].Name}, s.Args[1])
}

func contains(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	found := false
	f.Each(a[0], s.Items[0], s.At, func(_, elem eval.Value) bool {
		found = f.Equal(elem, a[1], s.Args[1], 0)
		return !found && f.Err == nil
	})
	return eval.Bool(found)
}

func concat(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	list := []eval.Value{}
	for i, v := range a {
		list = elementsOf(f, v, s.Items[i], s, list)
	}
	return eval.List(list)
}

// flatten replaces lists in a list by their elements, at any depth.
func flatten(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	return eval.List(flattened(f, a[0], s, []eval.Value{}, 0))
}

func flattened(f *eval.Frame, v eval.Value, s *Call, list []eval.Value, depth int) []eval.Value {
	if depth > eval.MaxNested {
		f.Fail(s.At, "the list is nested too deep")
		return list
	}
	f.Each(v, s.Items[0], s.At, func(_, elem eval.Value) bool {
		if elem.Class() == eval.ListClass {
			list = flattened(f, elem, s, list, depth+1)
			return f.Err == nil
		}
		list = append(list, elem)
		return f.Take(eval.ValueSize)
	})
	return list
}

// distinct keeps the first of equal elements.
func distinct(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	list := []eval.Value{}
	f.Each(a[0], s.Items[0], s.At, func(_, elem eval.Value) bool {
		for _, other := range list {
			if f.Equal(elem, other, s.Args[0], 0) {
				return true
			}
			if !f.Spend(eval.ValueSize) {
				return false
			}
		}
		list = append(list, elem)
		return f.Take(eval.ValueSize)
	})
	return eval.List(list)
}

// compact drops nulls and empty texts.
func compact(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	list := []eval.Value{}
	f.Each(a[0], s.Items[0], s.At, func(_, elem eval.Value) bool {
		if elem.Kind == eval.NullKind || elem.Kind == eval.TextKind && len(elem.Bytes) == 0 {
			return true
		}
		list = append(list, elem)
		return f.Take(eval.ValueSize)
	})
	return eval.List(list)
}

func reverse(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	list := elementsOf(f, a[0], s.Items[0], s, []eval.Value{})
	slices.Reverse(list)
	return eval.List(list)
}

// element counts beyond the end from the beginning again.
func element(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	list := elementsOf(f, a[0], s.Items[0], s, nil)
	i, ok := whole(f, a[1], s.Args[1])
	if !ok {
		return eval.Value{Kind: eval.Failed}
	}
	if len(list) == 0 {
		return f.Fail(s.Args[0].At, "the list is empty")
	}
	if i %= len(list); i < 0 {
		i += len(list)
	}
	return list[i]
}

func slice(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	list := elementsOf(f, a[0], s.Items[0], s, []eval.Value{})
	from, ok := whole(f, a[1], s.Args[1])
	to := len(list)
	if len(a) > 2 && ok {
		to, ok = whole(f, a[2], s.Args[2])
	}
	switch {
	case !ok:
		return eval.Value{Kind: eval.Failed}
	case from < 0 || from > to || to > len(list):
		return f.Fail(s.Args[1].At, "the list does not have these elements")
	}
	return eval.List(list[from:to])
}

func sortTexts(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	list := []eval.Value{}
	f.Each(a[0], s.Items[0], s.At, func(_, elem eval.Value) bool {
		if k := elem.Class(); k == eval.NullClass || k == eval.ListClass || k == eval.ObjectClass {
			f.Fail(s.Args[0].At, "a list of texts is needed")
			return false
		}
		list = append(list, f.Text(elem))
		return f.Take(eval.ValueSize)
	})
	if !f.Spend(len(list) * 64) {
		return eval.Value{Kind: eval.Failed}
	}
	slices.SortFunc(list, func(x, y eval.Value) int { return bytes.Compare(x.Bytes, y.Bytes) })
	return eval.List(list)
}

// coalesceList returns the first list that is neither null nor empty.
func coalesceList(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	for i, v := range a {
		switch {
		case v.Kind == eval.NullKind:
			continue
		case v.Class() != eval.ListClass:
			return f.Fail(s.Args[i].At, "this is not a list")
		}
		if list := elementsOf(f, v, s.Items[i], s, nil); len(list) > 0 {
			return eval.List(list)
		}
	}
	return f.Fail(s.At, "all lists are null or empty")
}
