package decimal

import (
	"math"
	"math/big"
	"strconv"
)

// Float64 returns the nearest float.
func (n Number) Float64() float64 {
	if n.Big == nil && n.Scale == 0 {
		return float64(n.Int)
	}
	if n.Big == nil && magnitude(n.Int) < 1<<53 && n.Scale <= 22 {
		return float64(n.Int) / math.Pow10(int(n.Scale)) // both are exact, so the quotient is rounded once
	}
	x, _, _ := big.ParseFloat(string(n.Append(nil)), 10, 53, big.ToNearestEven)
	y, _ := x.Float64()
	return y
}

// CompareFloats compares as Postgres does: NaN equals itself and is greater than any other number.
func CompareFloats(a, b float64) int {
	switch {
	case a == b || a != a && b != b: //nolint:gocritic // NaN
		return 0
	case a != a || a > b: //nolint:gocritic // NaN
		return 1
	}
	return -1
}

// AppendFloat appends a float as Postgres prints it.
func AppendFloat(dst []byte, x float64) []byte {
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
