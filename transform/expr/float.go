package expr

import (
	"math"
	"strconv"

	"github.com/tailrace/tailrace/transform/expr/decimal"
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
	n := decimal.Number{Int: v.i, Scale: v.scale}
	if v.p != nil {
		n.Big = v.p.big
	}
	return n.Float64()
}
