package eval

import (
	"math"
	"strconv"

	"github.com/tailrace/tailrace/transform/expr/decimal"
)

// Text returns the text of a scalar without copying where the value has it.
func (f *Frame) Text(v Value) Value {
	switch v.Kind {
	case NullKind, TextKind, Failed:
		return v
	case NumberKind, FloatKind:
		if v.Bytes != nil {
			return Text(v.Bytes)
		}
	}
	start := len(f.Arena)
	if v.Kind == DocumentKind || v.Kind == ListKind || v.Kind == ObjectKind || v.Kind == RowKind || v.Kind == RowsKind {
		return Text(f.Build(func(f *Frame, dst []byte) []byte { return AppendJSON(f, dst, v) }))
	}
	f.Arena = AppendText(f, f.Arena, v)
	return Text(f.Kept(start))
}

// Decimal returns a number as a decimal one; false for a float, and for a text that is no number.
func (f *Frame) Decimal(v Value) (decimal.Number, bool) {
	if v.Kind != NumberKind {
		return decimal.Number{}, false
	}
	if v.Bytes != nil {
		if !f.Spend(decimal.ParseCost(v.Bytes)) {
			return decimal.Number{}, false
		}
		return decimal.Parse(v.Bytes)
	}
	n := decimal.Number{Int: v.Int, Scale: v.Scale}
	if v.Box != nil {
		n.Big = v.Box.Big
	}
	return n, true
}

// Number returns a decimal number as a value.
func Number(n decimal.Number, fl Flags) Value {
	v := Value{Kind: NumberKind, Flags: fl, Scale: n.Scale, Int: n.Int}
	if n.Big != nil {
		v.Box = &Box{Big: n.Big}
	}
	return v
}

// Number returns a number whose text is parsed, as NumberKind or FloatKind. A text is converted, as HCL does; anything else ends the
// evaluation.
func (f *Frame) Number(v Value, at *Node) Value {
	switch v.Kind {
	case NumberKind, TextKind:
		if v.Bytes == nil && v.Kind == NumberKind {
			return v
		}
		if !f.Spend(decimal.ParseCost(v.Bytes)) {
			return Value{Kind: Failed}
		}
		n, ok := decimal.Parse(v.Bytes)
		if ok {
			return Number(n, v.Flags)
		}
		switch string(v.Bytes) {
		case "NaN", "Infinity", "-Infinity": // of a numeric
			if v.Kind == NumberKind {
				x := Float(f.Float(v))
				x.Flags = v.Flags
				return x
			}
		}
		if v.Kind == NumberKind {
			return f.Fail(at.At, "the number is too large")
		}
	case FloatKind:
		if v.Bytes == nil {
			return v
		}
		x := Float(f.Float(v))
		return x
	case NullKind, Failed:
		return v
	}
	return f.Fail(at.At, "this is not a number")
}

// Bool returns true, false or null. The texts "true" and "false" are converted, as HCL does; anything else ends the evaluation.
func (f *Frame) Bool(v Value, at *Node) Value {
	switch v.Kind {
	case NullKind, BoolKind, Failed:
		return v
	case TextKind:
		switch string(v.Bytes) {
		case "true":
			return Bool(true)
		case "false":
			return Bool(false)
		}
	}
	return f.Fail(at.At, "this is neither true nor false")
}

// Float returns the float of a number. A decimal number becomes the nearest float.
func (f *Frame) Float(v Value) float64 {
	if v.Kind == FloatKind {
		if v.Bytes == nil {
			return math.Float64frombits(uint64(v.Int))
		}
		x, _ := strconv.ParseFloat(string(v.Bytes), 64)
		return x
	}
	if v.Bytes != nil {
		x, _ := strconv.ParseFloat(string(v.Bytes), 64)
		return x
	}
	n := decimal.Number{Int: v.Int, Scale: v.Scale}
	if v.Box != nil {
		n.Big = v.Box.Big
	}
	return n.Float64()
}
