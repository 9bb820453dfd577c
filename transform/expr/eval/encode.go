package eval

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr/decimal"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// Appenders of types that need no memory of their own.
var (
	numberJSON      = jsonvalue.New(false).Appender(&capture.Type{Kind: capture.KindFloat})
	timestampJSON   = jsonvalue.New(false).Appender(&capture.Type{Kind: capture.KindTimestamp})
	timestamptzJSON = jsonvalue.New(false).Appender(&capture.Type{Kind: capture.KindTimestampTZ})
)

// AppendJSON appends a value as JSON.
func AppendJSON(f *Frame, dst []byte, v Value) []byte {
	switch v.Kind {
	case NullKind:
		return append(dst, "null"...)
	case BoolKind:
		return AppendText(f, dst, v)
	case NumberKind, FloatKind:
		return appendNumberJSON(f, dst, v)
	case TextKind:
		return jsonvalue.AppendString(dst, v.Bytes)
	case TimeKind:
		if v.Bytes != nil && v.Flags&IsDate != 0 {
			return jsonvalue.AppendString(dst, v.Bytes)
		}
		return append(AppendText(f, append(dst, '"'), v), '"')
	case DocumentKind:
		return jsonvalue.AppendDocument(dst, v.Bytes)
	case ListKind:
		return appendList(f, dst, v.Box.List)
	case ObjectKind:
		return appendObject(f, dst, v.Box)
	case RowKind:
		return v.Box.Row.appendJSON(f, dst, v.Box.Rows[v.Int])
	case RowsKind:
		return appendRows(f, dst, v.Box)
	}
	return dst
}

func appendNumberJSON(f *Frame, dst []byte, v Value) []byte {
	quoted := v.Flags&Quoted != 0 && !f.of.NumericAsNumber
	switch {
	case quoted && v.Bytes != nil:
		return jsonvalue.AppendString(dst, v.Bytes)
	case quoted:
		return append(AppendText(f, append(dst, '"'), v), '"')
	case v.Bytes != nil:
		return numberJSON(dst, v.Bytes)
	case v.Kind == FloatKind:
		return numberJSON(dst, decimal.AppendFloat(nil, f.Float(v)))
	}
	return AppendText(f, dst, v)
}

func appendList(f *Frame, dst []byte, list []Value) []byte {
	start := len(dst)
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst = AppendJSON(f, dst, v); !f.Bounded(len(dst) - start) {
			break
		}
	}
	return append(dst, ']')
}

func appendRows(f *Frame, dst []byte, p *Box) []byte {
	start := len(dst)
	dst = append(dst, '[')
	for i, row := range p.Rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst = p.Row.appendJSON(f, dst, row); !f.Bounded(len(dst) - start) {
			break
		}
	}
	return append(dst, ']')
}

func appendObject(f *Frame, dst []byte, p *Box) []byte {
	start := len(dst)
	dst = append(dst, '{')
	for i, v := range p.List {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsonvalue.AppendString(dst, p.Keys[i]), ':')
		if dst = AppendJSON(f, dst, v); !f.Bounded(len(dst) - start) {
			break
		}
	}
	return append(dst, '}')
}

// AppendText appends the text that a template gives of a value that is not null. A document becomes its JSON.
func AppendText(f *Frame, dst []byte, v Value) []byte {
	switch v.Kind {
	case BoolKind:
		if v.Int != 0 {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case NumberKind:
		if v.Bytes != nil {
			return append(dst, v.Bytes...)
		}
		n, _ := f.Decimal(v)
		if v.Flags&Quoted == 0 {
			n = n.Trimmed(0)
		}
		return n.Append(dst)
	case FloatKind:
		if v.Bytes != nil {
			return append(dst, v.Bytes...)
		}
		return decimal.AppendFloat(dst, f.Float(v))
	case TextKind:
		return append(dst, v.Bytes...)
	case TimeKind:
		return appendTime(dst, v)
	case DocumentKind, ListKind, ObjectKind, RowKind, RowsKind:
		return AppendJSON(f, dst, v)
	}
	return dst
}
