package expr

// objectBuilder collects the fields of an object in order.
type objectBuilder struct {
	box   box
	index map[string]int // from manyFields on
}

const manyFields = 16

func (o *objectBuilder) find(key []byte) int {
	if o.index != nil {
		if i, ok := o.index[string(key)]; ok {
			return i
		}
		return -1
	}
	for i, k := range o.box.keys {
		if string(k) == string(key) {
			return i
		}
	}
	return -1
}

func (o *objectBuilder) add(key []byte, v val) {
	o.box.keys, o.box.list = append(o.box.keys, key), append(o.box.list, v)
	if o.index != nil {
		o.index[string(key)] = len(o.box.keys) - 1
	} else if len(o.box.keys) == manyFields {
		o.index = map[string]int{}
		for i, k := range o.box.keys {
			o.index[string(k)] = i
		}
	}
}

// set sets a field; false when there was one of that name, which it replaces.
func (o *objectBuilder) set(key []byte, v val) bool {
	if i := o.find(key); i >= 0 {
		o.box.list[i] = v
		return false
	}
	o.add(key, v)
	return true
}

// group adds a value to the list that the field is.
func (o *objectBuilder) group(key []byte, v val) {
	if i := o.find(key); i >= 0 {
		p := o.box.list[i].p
		p.list = append(p.list, v)
		return
	}
	o.add(key, listVal([]val{v}))
}

func (o *objectBuilder) value() val { return val{kind: objectKind, p: &o.box} }
