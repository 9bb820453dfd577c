package eval

// Equal compares two values of any types. Values of different types are not equal.
func (f *Frame) Equal(l, r Value, at *Node, depth int) bool {
	switch {
	case l.Kind == NullKind || r.Kind == NullKind:
		return l.Kind == r.Kind
	case l.Kind == TextKind && r.Kind == TextKind:
		return (len(l.Bytes) < 64 || f.Spend(len(l.Bytes))) && string(l.Bytes) == string(r.Bytes)
	case l.Class() == NumberClass && r.Class() == NumberClass:
		order, ok := f.CompareNumbers(l, r, at)
		return ok && order == 0
	case l.Kind == BoolKind && r.Kind == BoolKind:
		return l.Int == r.Int
	case l.Kind == TimeKind || r.Kind == TimeKind:
		a, ok := l.Micros()
		b, ok2 := r.Micros()
		return ok && ok2 && a == b
	case l.Class() == ListClass && r.Class() == ListClass, l.Class() == ObjectClass && r.Class() == ObjectClass:
		return f.equalCollections(l, r, at, depth)
	}
	return false
}

// equalCollections compares lists in order, and objects by their keys.
func (f *Frame) equalCollections(l, r Value, at *Node, depth int) bool {
	if depth > MaxNested {
		f.Fail(at.At, "the values are nested too deep to be compared")
		return false
	}
	a, b := f.elements(l, at), f.elements(r, at)
	if f.Err != nil || len(a.List) != len(b.List) {
		return false
	}
	for i := range a.List {
		other := b.List[i]
		if a.Keys != nil {
			j := a.position(b, i)
			if j < 0 {
				return false
			}
			other = b.List[j]
		}
		if !f.Spend(ValueSize) || !f.Equal(a.List[i], other, at, depth+1) {
			return false
		}
	}
	return true
}

// position finds the key of a field in another object, first at the same place.
func (p *Box) position(other *Box, i int) int {
	key := string(p.Keys[i])
	if i < len(other.Keys) && string(other.Keys[i]) == key {
		return i
	}
	if other.index == nil {
		other.index = map[string]int{}
		for j, k := range other.Keys {
			other.index[string(k)] = j
		}
	}
	if j, ok := other.index[key]; ok {
		return j
	}
	return -1
}
