package expr

// equal compares two values of any types. Values of different types are not equal.
func (f *frame) equal(l, r val, at *node, depth int) bool {
	switch {
	case l.kind == nullKind || r.kind == nullKind:
		return l.kind == r.kind
	case l.kind == textKind && r.kind == textKind:
		return (len(l.b) < 64 || f.spend(len(l.b))) && string(l.b) == string(r.b)
	case l.class() == numberClass && r.class() == numberClass:
		order, ok := f.compareNumbers(l, r, at)
		return ok && order == 0
	case l.kind == boolKind && r.kind == boolKind:
		return l.i == r.i
	case l.kind == timeKind || r.kind == timeKind:
		a, ok := l.micros()
		b, ok2 := r.micros()
		return ok && ok2 && a == b
	case l.class() == listClass && r.class() == listClass, l.class() == objectClass && r.class() == objectClass:
		return f.equalCollections(l, r, at, depth)
	}
	return false
}

// equalCollections compares lists in order, and objects by their keys.
func (f *frame) equalCollections(l, r val, at *node, depth int) bool {
	if depth > maxNested {
		f.fail(at.at, "the values are nested too deep to be compared")
		return false
	}
	a, b := f.elements(l, at), f.elements(r, at)
	if f.err != nil || len(a.list) != len(b.list) {
		return false
	}
	for i := range a.list {
		other := b.list[i]
		if a.keys != nil {
			j := a.position(b, i)
			if j < 0 {
				return false
			}
			other = b.list[j]
		}
		if !f.spend(valSize) || !f.equal(a.list[i], other, at, depth+1) {
			return false
		}
	}
	return true
}

// position finds the key of a field in another object, first at the same place.
func (p *box) position(other *box, i int) int {
	key := string(p.keys[i])
	if i < len(other.keys) && string(other.keys[i]) == key {
		return i
	}
	if other.index == nil {
		other.index = map[string]int{}
		for j, k := range other.keys {
			other.index[string(k)] = j
		}
	}
	if j, ok := other.index[key]; ok {
		return j
	}
	return -1
}
