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

// asText returns the text of a scalar without copying where the value has it.
func (f *frame) asText(v val) val {
	switch v.kind {
	case nullKind, textKind, failed:
		return v
	case numKind, floatKind:
		if v.b != nil {
			return textVal(v.b)
		}
	}
	start := len(f.arena)
	if v.kind == docKind || v.kind == listKind || v.kind == objectKind || v.kind == rowKind || v.kind == rowsKind {
		return textVal(f.build(func(f *frame, dst []byte) []byte { return appendVal(f, dst, v) }))
	}
	f.arena = appendScalar(f, f.arena, v)
	return textVal(f.kept(start))
}

// num returns a number as a decimal one; false for a float, and for a text that is no number.
func (f *frame) num(v val) (decimal.Number, bool) {
	if v.kind != numKind {
		return decimal.Number{}, false
	}
	if v.b != nil {
		if !f.spend(decimal.ParseCost(v.b)) {
			return decimal.Number{}, false
		}
		return decimal.Parse(v.b)
	}
	n := decimal.Number{Int: v.i, Scale: v.scale}
	if v.p != nil {
		n.Big = v.p.big
	}
	return n, true
}

// numVal returns the val of a number.
func numVal(n decimal.Number, fl flags) val {
	v := val{kind: numKind, flags: fl, scale: n.Scale, i: n.Int}
	if n.Big != nil {
		v.p = &box{big: n.Big}
	}
	return v
}

// asNumber returns a number whose text is parsed, as numKind or floatKind. A text is converted, as HCL does; anything else ends the
// evaluation.
func (f *frame) asNumber(v val, at *node) val {
	switch v.kind {
	case numKind, textKind:
		if v.b == nil && v.kind == numKind {
			return v
		}
		if !f.spend(decimal.ParseCost(v.b)) {
			return val{kind: failed}
		}
		n, ok := decimal.Parse(v.b)
		if ok {
			return numVal(n, v.flags)
		}
		switch string(v.b) {
		case "NaN", "Infinity", "-Infinity": // of a numeric
			if v.kind == numKind {
				x := floatVal(f.float(v))
				x.flags = v.flags
				return x
			}
		}
		if v.kind == numKind {
			return f.fail(at.at, "the number is too large")
		}
	case floatKind:
		if v.b == nil {
			return v
		}
		x := floatVal(f.float(v))
		return x
	case nullKind, failed:
		return v
	}
	return f.fail(at.at, "this is not a number")
}

// asBool returns true, false or null. The texts "true" and "false" are converted, as HCL does; anything else ends the evaluation.
func (f *frame) asBool(v val, at *node) val {
	switch v.kind {
	case nullKind, boolKind, failed:
		return v
	case textKind:
		switch string(v.b) {
		case "true":
			return boolVal(true)
		case "false":
			return boolVal(false)
		}
	}
	return f.fail(at.at, "this is neither true nor false")
}
