package expr

import (
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// columnValue returns a column's value of the row that an expression is evaluated on.
func (f *frame) columnValue(s source, slot, index int) *capture.Value {
	switch s {
	case ofRow:
		return &f.row[index]
	case ofOld:
		return oldValue(f.old, f.row, index)
	case ofChild:
		if index < len(f.in.Child) {
			return &f.in.Child[index]
		}
	case ofItem:
		if row := f.items[slot].row(); index < len(row) {
			return &row[index]
		}
	}
	return &absent
}

var absent = capture.Value{Kind: capture.Absent}

// oldValue returns a value before an update. Where the log has none, the update has not changed it.
func oldValue(old, row []capture.Value, index int) *capture.Value {
	if old != nil && old[index].Kind != capture.Absent {
		return &old[index]
	}
	return &row[index]
}

func (v val) row() []capture.Value {
	if v.kind != rowKind {
		return nil
	}
	return v.p.rows[v.i]
}

// missing returns what a column gives that has no text: null, or the end of the evaluation.
func (f *frame) missing(v *capture.Value, c *column) val {
	switch {
	case v.Kind == capture.Null:
		return val{}
	case v.Kind == capture.Unchanged && c.reject:
		f.err = ErrUnchanged
	case !isFinal(f.err):
		f.err = f.unknown(fmt.Sprintf("the log does not have %s.%s", c.source, c.name))
	}
	return val{kind: failed}
}

// object returns a row as an object whose fields are values.
func (r *rowType) object(f *frame, values []capture.Value) val {
	if !f.take(len(r.table.Columns) * valSize) {
		return val{kind: failed}
	}
	o := &box{}
	for i := range r.table.Columns {
		v := r.at(f, values, i)
		switch {
		case v.Kind == capture.Unchanged && r.omit:
			continue
		case v.Kind == capture.Text:
			o.list = append(o.list, r.json[i].load(f, v.Bytes))
		default:
			o.list = append(o.list, f.missing(v, r.column(i)))
		}
		o.keys = append(o.keys, []byte(r.table.Columns[i].Name))
	}
	if f.err != nil {
		return val{kind: failed}
	}
	return val{kind: objectKind, p: o}
}

func (r *rowType) at(f *frame, values []capture.Value, i int) *capture.Value {
	switch {
	case r.source == ofOld:
		return oldValue(values, f.row, i)
	case i < len(values):
		return &values[i]
	}
	return &absent
}

func (r *rowType) column(i int) *column {
	return &column{source: r.source, name: r.table.Columns[i].Name, reject: r.reject}
}

// appendJSON appends a row as an object.
func (r *rowType) appendJSON(f *frame, dst []byte, values []capture.Value) []byte {
	start := len(dst)
	dst = append(dst, '{')
	for i := range r.table.Columns {
		v := r.at(f, values, i)
		if v.Kind == capture.Unchanged && r.omit {
			continue
		}
		name := r.json[i].name
		if len(dst) == start+1 {
			name = name[1:]
		}
		dst = append(dst, name...)
		switch {
		case v.Kind == capture.Text && f.bounded(len(dst)-start+len(v.Bytes)):
			dst = r.json[i].appender(dst, v.Bytes)
		case v.Kind != capture.Text:
			f.missing(v, r.column(i))
			dst = append(dst, "null"...)
		}
	}
	return append(dst, '}')
}

// columnJSON is how a column of a row that is an object becomes JSON.
type columnJSON struct {
	name     []byte // `,"name":`
	appender jsonvalue.Appender
	load     func(*frame, []byte) val
}

// Input is what a compiled expression is evaluated on.
type Input struct {
	Change   *capture.Change
	Child    []capture.Value              // of the name child
	Children map[string][][]capture.Value // of Names.Lists
}

// ErrUnchanged is the error of an evaluation that reads a TOASTed value which the update left unchanged, under Reject.
var ErrUnchanged = errors.New("a value that is stored out of line (TOAST) was not changed by the update, so the log does not have it")

// source is where a column's value comes from.
type source uint8

// String returns the name in expressions.
func (s source) String() string { return [...]string{"row", "old", "child", "item", "row"}[s] }

// rowType is the columns of one of the rows that an expression can name.
type rowType struct {
	source source
	table  *capture.Table // nil: not known in this check
	types  []fieldType    // of the columns
	json   []columnJSON   // of the columns
	omit   bool           // values that an update left unchanged are left out
	reject bool           // they end the evaluation with ErrUnchanged
}

// column is a column of a row as an expression reads it.
type column struct {
	source    source
	index     int // into the columns of the table; -1: a later column, always null
	name      string
	table     *capture.Table
	unchanged bool // an update may lack the value
	reject    bool // then the evaluation ends with ErrUnchanged
}
