package expr

import (
	"math"
	"math/big"

	"github.com/tailrace/tailrace/transform/expr/decimal"
)

// numberFunctions are the functions over numbers.
var numberFunctions = map[string]function{
	"abs":      onNumber(decimal.Number.Abs, math.Abs),
	"ceil":     onNumber(func(n decimal.Number) decimal.Number { return n.Rounded(1) }, math.Ceil),
	"floor":    onNumber(func(n decimal.Number) decimal.Number { return n.Rounded(-1) }, math.Floor),
	"int":      onNumber(func(n decimal.Number) decimal.Number { return n.Rounded(0) }, math.Trunc),
	"signum":   {params: []param{numberParam}, result: returns(numberType), call: signum},
	"max":      {params: []param{numberParam}, rest: numberParam, variadic: true, result: returns(numberType), call: func(f *frame, s *site, a []val) val { return extreme(f, s, a, 1) }},
	"min":      {params: []param{numberParam}, rest: numberParam, variadic: true, result: returns(numberType), call: func(f *frame, s *site, a []val) val { return extreme(f, s, a, -1) }},
	"parseint": {params: []param{textParam, numberParam}, result: returns(numberType), call: parseInt},
	"tonumber": {params: []param{anyParam}, result: returns(numberType), call: func(f *frame, s *site, a []val) val { return f.asNumber(a[0], s.args[0]) }},
	"tobool":   {params: []param{anyParam}, result: returns(boolType), call: func(f *frame, s *site, a []val) val { return f.asBool(a[0], s.args[0]) }},
}

func onNumber(exact func(decimal.Number) decimal.Number, float func(float64) float64) function {
	return function{params: []param{numberParam}, result: returns(numberType), call: func(f *frame, s *site, a []val) val {
		if a[0].kind == floatKind {
			x := floatVal(float(f.float(a[0])))
			x.flags = a[0].flags
			return x
		}
		n, _ := f.num(a[0])
		if n.Big != nil && !f.spend(decimal.Cost(n, n)) {
			return val{kind: failed}
		}
		return f.result(exact(n), a[0].flags, s.args[0])
	}}
}

func signum(f *frame, _ *site, a []val) val {
	if a[0].kind == floatKind {
		return intVal(int64(decimal.CompareFloats(f.float(a[0]), 0)))
	}
	n, _ := f.num(a[0])
	return intVal(int64(n.Sign()))
}

// extreme returns the largest number for direction 1, and the smallest one for -1.
func extreme(f *frame, s *site, a []val, direction int) val {
	best := a[0]
	for _, v := range a[1:] {
		if order, ok := f.compareNumbers(v, best, s.args[0]); ok && order == direction {
			best = v
		}
	}
	return best
}

// parseInt reads an integer in a base from 2 to 62.
func parseInt(f *frame, s *site, a []val) val {
	base, ok := whole(f, a[1], s.args[1])
	if !ok {
		return val{kind: failed}
	}
	if base < 2 || base > 62 {
		return f.fail(s.args[1].at, "the base is a number from 2 to 62")
	}
	if len(a[0].b) > decimal.MaxDigits || !f.spend(decimal.ParseCost(a[0].b)) {
		return f.fail(s.args[0].at, "the number is too large")
	}
	b, ok := new(big.Int).SetString(string(a[0].b), base)
	if !ok {
		return f.fail(s.args[0].at, "this is not an integer of that base")
	}
	return f.result(decimal.Small(decimal.Number{Big: b}), 0, s.args[0])
}
