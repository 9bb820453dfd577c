package functions

import (
	"math"
	"math/big"

	"github.com/tailrace/tailrace/transform/expr/decimal"
	"github.com/tailrace/tailrace/transform/expr/eval"
)

// numberFunctions are the functions over numbers.
var numberFunctions = map[string]Function{
	"abs":      onNumber(decimal.Number.Abs, math.Abs),
	"ceil":     onNumber(func(n decimal.Number) decimal.Number { return n.Rounded(1) }, math.Ceil),
	"floor":    onNumber(func(n decimal.Number) decimal.Number { return n.Rounded(-1) }, math.Floor),
	"int":      onNumber(func(n decimal.Number) decimal.Number { return n.Rounded(0) }, math.Trunc),
	"signum":   {params: []param{numberParam}, result: returns(eval.NumberType), call: signum},
	"max":      {params: []param{numberParam}, rest: numberParam, variadic: true, result: returns(eval.NumberType), call: func(f *eval.Frame, s *Call, a []eval.Value) eval.Value { return extreme(f, s, a, 1) }},
	"min":      {params: []param{numberParam}, rest: numberParam, variadic: true, result: returns(eval.NumberType), call: func(f *eval.Frame, s *Call, a []eval.Value) eval.Value { return extreme(f, s, a, -1) }},
	"parseint": {params: []param{textParam, numberParam}, result: returns(eval.NumberType), call: parseInt},
	"tonumber": {params: []param{anyParam}, result: returns(eval.NumberType), call: func(f *eval.Frame, s *Call, a []eval.Value) eval.Value { return f.Number(a[0], s.Args[0]) }},
	"tobool":   {params: []param{anyParam}, result: returns(eval.BoolType), call: func(f *eval.Frame, s *Call, a []eval.Value) eval.Value { return f.Bool(a[0], s.Args[0]) }},
}

func onNumber(exact func(decimal.Number) decimal.Number, float func(float64) float64) Function {
	return Function{params: []param{numberParam}, result: returns(eval.NumberType), call: func(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
		if a[0].Kind == eval.FloatKind {
			x := eval.Float(float(f.Float(a[0])))
			x.Flags = a[0].Flags
			return x
		}
		n, _ := f.Decimal(a[0])
		if n.Big != nil && !f.Spend(decimal.Cost(n, n)) {
			return eval.Value{Kind: eval.Failed}
		}
		return f.Result(exact(n), a[0].Flags, s.Args[0])
	}}
}

func signum(f *eval.Frame, _ *Call, a []eval.Value) eval.Value {
	if a[0].Kind == eval.FloatKind {
		return eval.Int(int64(decimal.CompareFloats(f.Float(a[0]), 0)))
	}
	n, _ := f.Decimal(a[0])
	return eval.Int(int64(n.Sign()))
}

// extreme returns the largest number for direction 1, and the smallest one for -1.
func extreme(f *eval.Frame, s *Call, a []eval.Value, direction int) eval.Value {
	best := a[0]
	for _, v := range a[1:] {
		if order, ok := f.CompareNumbers(v, best, s.Args[0]); ok && order == direction {
			best = v
		}
	}
	return best
}

// parseInt reads an integer in a base from 2 to 62.
func parseInt(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	base, ok := whole(f, a[1], s.Args[1])
	if !ok {
		return eval.Value{Kind: eval.Failed}
	}
	if base < 2 || base > 62 {
		return f.Fail(s.Args[1].At, "the base is a number from 2 to 62")
	}
	if len(a[0].Bytes) > decimal.MaxDigits || !f.Spend(decimal.ParseCost(a[0].Bytes)) {
		return f.Fail(s.Args[0].At, "the number is too large")
	}
	b, ok := new(big.Int).SetString(string(a[0].Bytes), base)
	if !ok {
		return f.Fail(s.Args[0].At, "this is not an integer of that base")
	}
	return f.Result(decimal.Small(decimal.Number{Big: b}), 0, s.Args[0])
}
