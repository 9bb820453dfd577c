package expr

import (
	"math"
	"math/big"
	"strconv"
)

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
	n := num{i: v.i, scale: v.scale}
	if v.p != nil {
		n.big = v.p.big
	}
	if n.big == nil && n.scale == 0 {
		return float64(n.i)
	}
	if n.big == nil && magnitude(n.i) < 1<<53 && n.scale <= 22 {
		return float64(n.i) / math.Pow10(int(n.scale)) // both are exact, so the quotient is rounded once
	}
	x, _, _ := big.ParseFloat(string(n.append(nil)), 10, 53, big.ToNearestEven)
	y, _ := x.Float64()
	return y
}

// cmpFloat compares as Postgres does: NaN equals itself and is greater than any other number.
func cmpFloat(a, b float64) int {
	switch {
	case a == b || a != a && b != b: //nolint:gocritic // NaN
		return 0
	case a != a || a > b: //nolint:gocritic // NaN
		return 1
	}
	return -1
}

// appendFloat appends a float as Postgres prints it.
func appendFloat(dst []byte, x float64) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, "NaN"...)
	case math.IsInf(x, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(x, -1):
		return append(dst, "-Infinity"...)
	}
	format := byte('f')
	if a := math.Abs(x); a != 0 && (a < 1e-4 || a >= 1e15) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, x, format, -1, 64)
}
