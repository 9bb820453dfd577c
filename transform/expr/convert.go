package expr

import (
	"math"
	"strconv"

	"github.com/tailrace/tailrace/transform/expr/decimal"
)

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

// float returns the float of a number. A decimal number becomes the nearest float.
func (f *frame) float(v val) float64 {
	if v.kind == floatKind {
		if v.b == nil {
			return math.Float64frombits(uint64(v.i))
		}
		x, _ := strconv.ParseFloat(string(v.b), 64)
		return x
	}
	if v.b != nil {
		x, _ := strconv.ParseFloat(string(v.b), 64)
		return x
	}
	n := decimal.Number{Int: v.i, Scale: v.scale}
	if v.p != nil {
		n.Big = v.p.big
	}
	return n.Float64()
}
