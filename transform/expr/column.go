package expr

import (
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

// columnNode compiles a column.
func (c *rowCompiler) columnNode(col *column, t *typ, slot int) *node {
	n := &node{typ: t, level: onRow, column: col, name: col.source.String() + "." + col.name}
	source, index := col.source, col.index
	load := c.loader(t)
	n.eval = func(f *frame) val {
		v := f.columnValue(source, slot, index)
		if v.Kind != capture.Text {
			return f.missing(v, col)
		}
		return load(f, v.Bytes)
	}
	appender := c.appenders().Appender(t.pg)
	n.json = func(f *frame, dst []byte) []byte {
		v := f.columnValue(source, slot, index)
		switch {
		case v.Kind == capture.Text && f.bounded(len(v.Bytes)):
			return appender(dst, v.Bytes)
		case v.Kind != capture.Text && f.missing(v, col).kind == nullKind:
			return append(dst, "null"...)
		}
		return dst
	}
	if sameText(t) {
		n.text = func(f *frame, dst []byte) ([]byte, bool) {
			v := f.columnValue(source, slot, index)
			if v.Kind == capture.Text && f.bounded(len(v.Bytes)) {
				return append(dst, v.Bytes...), false
			}
			return dst, v.Kind != capture.Text && f.missing(v, col).kind == nullKind
		}
	}
	return n
}

// sameText reports whether the text that a template gives of a value is the one that Postgres prints.
func sameText(t *typ) bool {
	switch kind, _ := t.kind(); kind {
	case capture.KindText, capture.KindInt, capture.KindFloat, capture.KindNumeric, capture.KindMoney, capture.KindDate:
		return true
	}
	return false
}

func (c *rowCompiler) appenders() *jsonvalue.Types {
	if c.types == nil {
		c.types = jsonvalue.New(false)
	}
	return c.types
}

// loader returns how the text of a column becomes a value.
func (c *rowCompiler) loader(t *typ) func(f *frame, text []byte) val {
	kind, _ := t.kind()
	switch kind {
	case capture.KindBool:
		return func(_ *frame, text []byte) val { return boolVal(len(text) > 0 && text[0] == 't') }
	case capture.KindInt:
		return func(_ *frame, text []byte) val { return val{kind: numKind, b: text} }
	case capture.KindNumeric:
		return func(_ *frame, text []byte) val { return val{kind: numKind, flags: quoted, b: text} }
	case capture.KindFloat:
		return func(_ *frame, text []byte) val { return val{kind: floatKind, b: text} }
	case capture.KindDate, capture.KindTimestamp, capture.KindTimestampTZ:
		fl := timeKindOf(kind)
		return func(_ *frame, text []byte) val { return val{kind: timeKind, flags: fl, b: text} }
	case capture.KindJSON:
		at := c.expr.Range()
		return func(f *frame, text []byte) val { return f.resolve(text, at) }
	case capture.KindBytes, capture.KindInterval, capture.KindHstore, capture.KindArray, capture.KindComposite:
		return c.converted(t)
	}
	return func(_ *frame, text []byte) val { return textVal(text) }
}

// converted returns a loader that reads what the value is in JSON.
func (c *rowCompiler) converted(t *typ) func(f *frame, text []byte) val {
	appender, at := c.appenders().Appender(t.pg), c.expr.Range()
	return func(f *frame, text []byte) val {
		if !f.bounded(len(text)) {
			return val{kind: failed}
		}
		start := len(f.arena)
		f.arena = appender(f.arena, text)
		json := f.kept(start)
		if f.err != nil {
			return val{kind: failed}
		}
		return f.resolve(json, at)
	}
}

// typed returns an element of an array, a field of a composite and the like, which was read from JSON, as its type has it.
func (t *typ) typed(v val) val {
	kind, ok := t.kind()
	if !ok || v.kind != textKind && v.kind != numKind {
		return v
	}
	switch kind {
	case capture.KindNumeric:
		return val{kind: numKind, flags: quoted, b: v.b}
	case capture.KindFloat:
		return val{kind: floatKind, b: v.b}
	case capture.KindDate, capture.KindTimestamp, capture.KindTimestampTZ:
		return val{kind: timeKind, flags: timeKindOf(kind), b: v.b}
	}
	return v
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
