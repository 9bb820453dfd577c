package expr

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

// appendVal appends a value as JSON.
func appendVal(f *frame, dst []byte, v val) []byte {
	switch v.kind {
	case nullKind:
		return append(dst, "null"...)
	case boolKind:
		return appendScalar(f, dst, v)
	case numKind, floatKind:
		return appendNumberJSON(f, dst, v)
	case textKind:
		return jsonvalue.AppendString(dst, v.b)
	case timeKind:
		if v.b != nil && v.flags&isDate != 0 {
			return jsonvalue.AppendString(dst, v.b)
		}
		return append(appendScalar(f, append(dst, '"'), v), '"')
	case docKind:
		return jsonvalue.AppendDocument(dst, v.b)
	case listKind:
		return appendList(f, dst, v.p.list)
	case objectKind:
		return appendObject(f, dst, v.p)
	case rowKind:
		return v.p.row.appendJSON(f, dst, v.p.rows[v.i])
	case rowsKind:
		return appendRows(f, dst, v.p)
	}
	return dst
}

func appendNumberJSON(f *frame, dst []byte, v val) []byte {
	switch {
	case v.flags&quoted != 0 && v.b != nil:
		return jsonvalue.AppendString(dst, v.b)
	case v.flags&quoted != 0:
		return append(appendScalar(f, append(dst, '"'), v), '"')
	case v.b != nil:
		return numberJSON(dst, v.b)
	case v.kind == floatKind:
		return numberJSON(dst, decimal.AppendFloat(nil, f.float(v)))
	}
	return appendScalar(f, dst, v)
}

func appendList(f *frame, dst []byte, list []val) []byte {
	start := len(dst)
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst = appendVal(f, dst, v); !f.bounded(len(dst) - start) {
			break
		}
	}
	return append(dst, ']')
}

func appendRows(f *frame, dst []byte, p *box) []byte {
	start := len(dst)
	dst = append(dst, '[')
	for i, row := range p.rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst = p.row.appendJSON(f, dst, row); !f.bounded(len(dst) - start) {
			break
		}
	}
	return append(dst, ']')
}

func appendObject(f *frame, dst []byte, p *box) []byte {
	start := len(dst)
	dst = append(dst, '{')
	for i, v := range p.list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsonvalue.AppendString(dst, p.keys[i]), ':')
		if dst = appendVal(f, dst, v); !f.bounded(len(dst) - start) {
			break
		}
	}
	return append(dst, '}')
}

// appendScalar appends the text that a template gives of a value that is not null. A document becomes its JSON.
func appendScalar(f *frame, dst []byte, v val) []byte {
	switch v.kind {
	case boolKind:
		if v.i != 0 {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case numKind:
		if v.b != nil {
			return append(dst, v.b...)
		}
		n, _ := f.num(v)
		if v.flags&quoted == 0 {
			n = n.Trimmed(0)
		}
		return n.Append(dst)
	case floatKind:
		if v.b != nil {
			return append(dst, v.b...)
		}
		return decimal.AppendFloat(dst, f.float(v))
	case textKind:
		return append(dst, v.b...)
	case timeKind:
		return appendTime(dst, v)
	case docKind, listKind, objectKind, rowKind, rowsKind:
		return appendVal(f, dst, v)
	}
	return dst
}
