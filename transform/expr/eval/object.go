package eval

// ObjectBuilder collects the fields of an object in order.
type ObjectBuilder struct {
	Box   Box
	index map[string]int // from manyFields on
}

const manyFields = 16

func (o *ObjectBuilder) find(key []byte) int {
	if o.index != nil {
		if i, ok := o.index[string(key)]; ok {
			return i
		}
		return -1
	}
	for i, k := range o.Box.Keys {
		if string(k) == string(key) {
			return i
		}
	}
	return -1
}

func (o *ObjectBuilder) add(key []byte, v Value) {
	o.Box.Keys, o.Box.List = append(o.Box.Keys, key), append(o.Box.List, v)
	if o.index != nil {
		o.index[string(key)] = len(o.Box.Keys) - 1
	} else if len(o.Box.Keys) == manyFields {
		o.index = map[string]int{}
		for i, k := range o.Box.Keys {
			o.index[string(k)] = i
		}
	}
}

// Set sets a field; false when there was one of that name, which it replaces.
func (o *ObjectBuilder) Set(key []byte, v Value) bool {
	if i := o.find(key); i >= 0 {
		o.Box.List[i] = v
		return false
	}
	o.add(key, v)
	return true
}

// Group adds a value to the list that the field is.
func (o *ObjectBuilder) Group(key []byte, v Value) {
	if i := o.find(key); i >= 0 {
		p := o.Box.List[i].Box
		p.List = append(p.List, v)
		return
	}
	o.add(key, List([]Value{v}))
}

// Value returns the object.
func (o *ObjectBuilder) Value() Value { return Value{Kind: ObjectKind, Box: &o.Box} }
