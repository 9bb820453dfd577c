package expr

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr/eval"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// objectJSON is how an object with constant keys becomes JSON, field by field. What a row needs of it is in two pieces of memory, so that
// it stays in the processor's cache next to that of many other rules.
type objectJSON struct {
	names  []byte // `,"name":` of all fields
	fields []fieldJSON
}

// fieldJSON is one field of an object.
type fieldJSON struct {
	nameEnd  uint32 // in names
	slot     int32
	index    int32
	source   eval.Source
	omit     bool               // left out when an update left it unchanged
	appender jsonvalue.Appender // of a value that is nothing but a column; nil: any other
	value    func(*eval.Frame, []byte) []byte
}

func newObjectJSON(members []member) *objectJSON {
	o := &objectJSON{fields: make([]fieldJSON, len(members))}
	for i, m := range members {
		o.names = append(o.names, m.json...)
		x := fieldJSON{nameEnd: uint32(len(o.names)), omit: m.omit != nil, value: m.value.EvalJSON}
		if x.value == nil {
			x.value = m.value.AppendJSON
		}
		if col := m.value.Column; col != nil {
			x.slot, x.index, x.source, x.appender = int32(m.value.ItemSlot), int32(col.Index), col.Source, col.Appender
		}
		o.fields[i] = x
	}
	return o
}

// AppendJSON implements eval.Encoding.
func (o *objectJSON) AppendJSON(f *eval.Frame, dst []byte) []byte {
	start := len(dst)
	dst = append(dst, '{')
	from := uint32(0)
	for i := range o.fields {
		x := &o.fields[i]
		name := o.names[from:x.nameEnd]
		from = x.nameEnd
		if len(dst) == start+1 {
			name = name[1:]
		}
		if x.appender == nil {
			dst = x.value(f, append(dst, name...))
		} else {
			dst = x.column(f, dst, name)
		}
		if f.Err != nil || !f.Bounded(len(dst)-start) {
			return dst
		}
	}
	return append(dst, '}')
}

// column appends a field that is nothing but a column.
func (x *fieldJSON) column(f *eval.Frame, dst, name []byte) []byte {
	v := f.ColumnValue(x.source, int(x.slot), int(x.index))
	switch {
	case v.Kind == capture.Text && f.Bounded(len(v.Bytes)):
		return x.appender(append(dst, name...), v.Bytes)
	case v.Kind == capture.Unchanged && x.omit:
		return dst
	}
	return x.value(f, append(dst, name...))
}
