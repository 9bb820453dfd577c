package expr

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

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
