package expr

import (
	"bytes"
	"slices"
)

// collectionFunctions are the functions over lists and objects.
var collectionFunctions = map[string]function{
	"length":       {params: []param{collectionParam}, result: returns(numberType), call: length},
	"keys":         {params: []param{objectParam}, result: returns(&typ{class: listClass, elem: textType}), call: keys},
	"values":       {params: []param{objectParam}, result: listOfItems, call: values},
	"merge":        {params: []param{objectParam}, rest: objectParam, variadic: true, result: returns(objectType), call: merge},
	"lookup":       {params: []param{objectParam, textParam, anyParam}, optional: 1, result: itemOrDefault, call: lookup},
	"contains":     {params: []param{listParam, anyParam}, result: returns(boolType), prepare: checkContains, call: contains},
	"concat":       {params: []param{listParam}, rest: listParam, variadic: true, result: returns(listType), call: concat},
	"flatten":      {params: []param{listParam}, result: returns(listType), call: flatten},
	"distinct":     {params: []param{listParam}, result: listOfItems, call: distinct},
	"compact":      {params: []param{listParam}, result: listOfItems, call: compact},
	"reverse":      {params: []param{listParam}, result: listOfItems, call: reverse},
	"element":      {params: []param{listParam, numberParam}, result: item, call: element},
	"slice":        {params: []param{listParam, numberParam, numberParam}, optional: 1, result: listOfItems, call: slice},
	"sort":         {params: []param{listParam}, result: returns(&typ{class: listClass, elem: textType}), call: sortTexts},
	"coalescelist": {params: []param{anyParam}, rest: anyParam, variadic: true, result: returns(listType), call: coalesceList},
}

func item(s *site) *typ { return s.items[0] }

func listOfItems(s *site) *typ { return &typ{class: listClass, elem: s.items[0]} }

func itemOrDefault(s *site) *typ {
	if len(s.args) < 3 || s.args[0].typ.row != nil {
		return anyType
	}
	return unify(s.items[0], s.args[2].typ)
}

// elementsOf appends the elements of a list to a new one.
func elementsOf(f *frame, v val, t *typ, s *site, list []val) []val {
	f.each(v, t, s.at, func(_, elem val) bool {
		list = append(list, elem)
		return f.take(valSize)
	})
	return list
}

// fieldsOf adds the fields of an object to another.
func fieldsOf(f *frame, v val, t *typ, s *site, o *objectBuilder) {
	f.each(v, t, s.at, func(key, elem val) bool {
		o.set(key.b, elem)
		return f.take(valSize)
	})
}

func length(f *frame, s *site, a []val) val {
	n := int64(0)
	switch v := a[0]; {
	case v.kind == listKind || v.kind == objectKind:
		return intVal(int64(len(v.p.list)))
	case v.kind == rowsKind:
		return intVal(int64(len(v.p.rows)))
	case v.class() == objectClass: // of several members with the same key, one counts
		o := objectBuilder{}
		fieldsOf(f, v, anyType, s, &o)
		return intVal(int64(len(o.box.keys)))
	}
	f.each(a[0], anyType, s.at, func(_, _ val) bool {
		n++
		return true
	})
	return intVal(n)
}

// sortedFields returns the fields of an object in the order of their keys.
func sortedFields(f *frame, s *site, v val) (fields box) {
	o := objectBuilder{}
	fieldsOf(f, v, s.items[0], s, &o)
	order := make([]int, len(o.box.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(o.box.keys[a], o.box.keys[b]) })
	for _, i := range order {
		fields.keys, fields.list = append(fields.keys, o.box.keys[i]), append(fields.list, o.box.list[i])
	}
	return fields
}

func keys(f *frame, s *site, a []val) val {
	list := []val{}
	for _, k := range sortedFields(f, s, a[0]).keys {
		list = append(list, textVal(k))
	}
	return listVal(list)
}

func values(f *frame, s *site, a []val) val {
	return listVal(append([]val{}, sortedFields(f, s, a[0]).list...))
}

func merge(f *frame, s *site, a []val) val {
	o := objectBuilder{}
	for i, v := range a {
		fieldsOf(f, v, s.items[i], s, &o)
	}
	return o.value()
}

func lookup(f *frame, s *site, a []val) val {
	found := false
	v := val{}
	f.each(a[0], s.items[0], s.at, func(key, elem val) bool {
		if string(key.b) == string(a[1].b) {
			v, found = elem, true
		}
		return true
	})
	switch {
	case found:
		return v
	case len(a) < 3:
		return f.fail(s.args[1].at, "the object has no such key")
	}
	return a[2]
}

// checkContains reports a value that no element of the list can be.
func checkContains(c *rowCompiler, s *site) bool {
	elem := *s.items[0]
	elem.nested = elem.nested && s.args[1].typ.class == listClass
	if elem.class == textClass && s.args[1].typ.class == textClass || s.args[1].typ.class == nullClass {
		return true
	}
	return c.comparable(&node{typ: &elem, at: s.args[0].at, name: s.args[0].name}, s.args[1])
}

func contains(f *frame, s *site, a []val) val {
	found := false
	f.each(a[0], s.items[0], s.at, func(_, elem val) bool {
		found = f.equal(elem, a[1], s.args[1], 0)
		return !found && f.err == nil
	})
	return boolVal(found)
}

func concat(f *frame, s *site, a []val) val {
	list := []val{}
	for i, v := range a {
		list = elementsOf(f, v, s.items[i], s, list)
	}
	return listVal(list)
}

// flatten replaces lists in a list by their elements, at any depth.
func flatten(f *frame, s *site, a []val) val { return listVal(flattened(f, a[0], s, []val{}, 0)) }

func flattened(f *frame, v val, s *site, list []val, depth int) []val {
	if depth > maxNested {
		f.fail(s.at, "the list is nested too deep")
		return list
	}
	f.each(v, s.items[0], s.at, func(_, elem val) bool {
		if elem.class() == listClass {
			list = flattened(f, elem, s, list, depth+1)
			return f.err == nil
		}
		list = append(list, elem)
		return f.take(valSize)
	})
	return list
}

// distinct keeps the first of equal elements.
func distinct(f *frame, s *site, a []val) val {
	list := []val{}
	f.each(a[0], s.items[0], s.at, func(_, elem val) bool {
		for _, other := range list {
			if f.equal(elem, other, s.args[0], 0) {
				return true
			}
			if !f.spend(valSize) {
				return false
			}
		}
		list = append(list, elem)
		return f.take(valSize)
	})
	return listVal(list)
}

// compact drops nulls and empty texts.
func compact(f *frame, s *site, a []val) val {
	list := []val{}
	f.each(a[0], s.items[0], s.at, func(_, elem val) bool {
		if elem.kind == nullKind || elem.kind == textKind && len(elem.b) == 0 {
			return true
		}
		list = append(list, elem)
		return f.take(valSize)
	})
	return listVal(list)
}

func reverse(f *frame, s *site, a []val) val {
	list := elementsOf(f, a[0], s.items[0], s, []val{})
	slices.Reverse(list)
	return listVal(list)
}

// element counts beyond the end from the beginning again.
func element(f *frame, s *site, a []val) val {
	list := elementsOf(f, a[0], s.items[0], s, nil)
	i, ok := whole(f, a[1], s.args[1])
	if !ok {
		return val{kind: failed}
	}
	if len(list) == 0 {
		return f.fail(s.args[0].at, "the list is empty")
	}
	if i %= len(list); i < 0 {
		i += len(list)
	}
	return list[i]
}

func slice(f *frame, s *site, a []val) val {
	list := elementsOf(f, a[0], s.items[0], s, []val{})
	from, ok := whole(f, a[1], s.args[1])
	to := len(list)
	if len(a) > 2 && ok {
		to, ok = whole(f, a[2], s.args[2])
	}
	switch {
	case !ok:
		return val{kind: failed}
	case from < 0 || from > to || to > len(list):
		return f.fail(s.args[1].at, "the list does not have these elements")
	}
	return listVal(list[from:to])
}

func sortTexts(f *frame, s *site, a []val) val {
	list := []val{}
	f.each(a[0], s.items[0], s.at, func(_, elem val) bool {
		if k := elem.class(); k == nullClass || k == listClass || k == objectClass {
			f.fail(s.args[0].at, "a list of texts is needed")
			return false
		}
		list = append(list, f.asText(elem))
		return f.take(valSize)
	})
	if !f.spend(len(list) * 64) {
		return val{kind: failed}
	}
	slices.SortFunc(list, func(x, y val) int { return bytes.Compare(x.b, y.b) })
	return listVal(list)
}

// coalesceList returns the first list that is neither null nor empty.
func coalesceList(f *frame, s *site, a []val) val {
	for i, v := range a {
		switch {
		case v.kind == nullKind:
			continue
		case v.class() != listClass:
			return f.fail(s.args[i].at, "this is not a list")
		}
		if list := elementsOf(f, v, s.items[i], s, nil); len(list) > 0 {
			return listVal(list)
		}
	}
	return f.fail(s.at, "all lists are null or empty")
}
