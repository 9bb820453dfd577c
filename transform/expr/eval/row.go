package eval

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// RowType is the columns of one of the rows that an expression can name.
type RowType struct {
	Source   Source
	Table    *capture.Table // nil: not known in this check
	Types    []Field        // of the columns
	Encoders []Encoder      // of the columns
	Omit     bool           // values that an update left unchanged are left out
	Reject   bool           // they end the evaluation with ErrUnchanged
}

// Encoder is how a column of a row that is an object becomes JSON.
type Encoder struct {
	Name     []byte // `,"name":`
	Appender jsonvalue.Appender
	Load     func(*Frame, []byte) Value
}

// object returns a row as an object whose fields are values.
func (r *RowType) object(f *Frame, values []capture.Value) Value {
	if !f.Take(len(r.Table.Columns) * ValueSize) {
		return Value{Kind: Failed}
	}
	o := &Box{}
	for i := range r.Table.Columns {
		v := r.At(f, values, i)
		switch {
		case v.Kind == capture.Unchanged && r.Omit:
			continue
		case v.Kind == capture.Text:
			o.List = append(o.List, r.Encoders[i].Load(f, v.Bytes))
		default:
			o.List = append(o.List, f.Missing(v, r.Column(i)))
		}
		o.Keys = append(o.Keys, []byte(r.Table.Columns[i].Name))
	}
	if f.Err != nil {
		return Value{Kind: Failed}
	}
	return Value{Kind: ObjectKind, Box: o}
}

// At returns the value of a column of a row, or an absent one.
func (r *RowType) At(f *Frame, values []capture.Value, i int) *capture.Value {
	switch {
	case r.Source == OfOld:
		return oldValue(values, f.Row, i)
	case i < len(values):
		return &values[i]
	}
	return &absent
}

// Column returns a column as the frame's errors name it.
func (r *RowType) Column(i int) *Column {
	return &Column{Source: r.Source, Name: r.Table.Columns[i].Name, Reject: r.Reject}
}

// appendJSON appends a row as an object.
func (r *RowType) appendJSON(f *Frame, dst []byte, values []capture.Value) []byte {
	start := len(dst)
	dst = append(dst, '{')
	for i := range r.Table.Columns {
		v := r.At(f, values, i)
		if v.Kind == capture.Unchanged && r.Omit {
			continue
		}
		name := r.Encoders[i].Name
		if len(dst) == start+1 {
			name = name[1:]
		}
		dst = append(dst, name...)
		switch {
		case v.Kind == capture.Text && f.Bounded(len(dst)-start+len(v.Bytes)):
			dst = r.Encoders[i].Appender(dst, v.Bytes)
		case v.Kind != capture.Text:
			f.Missing(v, r.Column(i))
			dst = append(dst, "null"...)
		}
	}
	return append(dst, '}')
}
