package expr

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr/eval"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// columnNode compiles a column.
func (c *rowCompiler) columnNode(col *eval.Column, t *eval.Type, slot int) *eval.Node {
	n := &eval.Node{Type: t, Level: eval.OnRow, Column: col, Name: col.Source.String() + "." + col.Name}
	source, index := col.Source, col.Index
	load := c.loader(t)
	n.Eval = func(f *eval.Frame) eval.Value {
		v := f.ColumnValue(source, slot, index)
		if v.Kind != capture.Text {
			return f.Missing(v, col)
		}
		return load(f, v.Bytes)
	}
	appender := c.appenders().Appender(t.Postgres)
	col.Appender = appender
	n.EvalJSON = func(f *eval.Frame, dst []byte) []byte {
		v := f.ColumnValue(source, slot, index)
		switch {
		case v.Kind == capture.Text && f.Bounded(len(v.Bytes)):
			return appender(dst, v.Bytes)
		case v.Kind != capture.Text && f.Missing(v, col).Kind == eval.NullKind:
			return append(dst, "null"...)
		}
		return dst
	}
	if sameText(t) {
		n.EvalText = func(f *eval.Frame, dst []byte) ([]byte, bool) {
			v := f.ColumnValue(source, slot, index)
			if v.Kind == capture.Text && f.Bounded(len(v.Bytes)) {
				return append(dst, v.Bytes...), false
			}
			return dst, v.Kind != capture.Text && f.Missing(v, col).Kind == eval.NullKind
		}
	}
	return n
}

// sameText reports whether the text that a template gives of a value is the one that Postgres prints.
func sameText(t *eval.Type) bool {
	switch kind, _ := t.Kind(); kind {
	case capture.KindText, capture.KindInt, capture.KindFloat, capture.KindNumeric, capture.KindMoney, capture.KindDate:
		return true
	}
	return false
}

func (c *rowCompiler) appenders() *jsonvalue.Types { return c.memory.typesOf(c.shape.NumericAsNumber) }

// loader returns how the text of a column becomes a value.
func (c *rowCompiler) loader(t *eval.Type) func(f *eval.Frame, text []byte) eval.Value {
	kind, _ := t.Kind()
	switch kind {
	case capture.KindBool:
		return func(_ *eval.Frame, text []byte) eval.Value { return eval.Bool(len(text) > 0 && text[0] == 't') }
	case capture.KindInt:
		return func(_ *eval.Frame, text []byte) eval.Value { return eval.Value{Kind: eval.NumberKind, Bytes: text} }
	case capture.KindNumeric:
		return func(_ *eval.Frame, text []byte) eval.Value {
			return eval.Value{Kind: eval.NumberKind, Flags: eval.Quoted, Bytes: text}
		}
	case capture.KindFloat:
		return func(_ *eval.Frame, text []byte) eval.Value { return eval.Value{Kind: eval.FloatKind, Bytes: text} }
	case capture.KindDate, capture.KindTimestamp, capture.KindTimestampTZ:
		fl := eval.TimeKindOf(kind)
		return func(_ *eval.Frame, text []byte) eval.Value {
			return eval.Value{Kind: eval.TimeKind, Flags: fl, Bytes: text}
		}
	case capture.KindJSON:
		at := c.expr.Range()
		return func(f *eval.Frame, text []byte) eval.Value { return f.JSON(text, at) }
	case capture.KindBytes, capture.KindInterval, capture.KindHstore, capture.KindArray, capture.KindComposite:
		return c.converted(t)
	}
	return func(_ *eval.Frame, text []byte) eval.Value { return eval.Text(text) }
}

// converted returns a loader that reads what the value is in JSON.
func (c *rowCompiler) converted(t *eval.Type) func(f *eval.Frame, text []byte) eval.Value {
	appender, at := c.appenders().Appender(t.Postgres), c.expr.Range()
	return func(f *eval.Frame, text []byte) eval.Value {
		if !f.Bounded(len(text)) {
			return eval.Value{Kind: eval.Failed}
		}
		start := len(f.Arena)
		f.Arena = appender(f.Arena, text)
		json := f.Kept(start)
		if f.Err != nil {
			return eval.Value{Kind: eval.Failed}
		}
		return f.JSON(json, at)
	}
}
