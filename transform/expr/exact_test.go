package expr_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
)

// TestNumbersAreExact compares arithmetic on random numerics with rational numbers.
func TestNumbersAreExact(t *testing.T) {
	table := &capture.Table{Schema: "s", Name: "t", Columns: []capture.Column{{Name: "x", Type: numericType}, {Name: "y", Type: numericType}}}
	s := expr.Shape{Table: table, Op: capture.Insert}
	ops := map[string]*expr.Value{}
	for _, op := range []string{"+", "-", "*", "%"} {
		v, diags := rowOf(t, "row.x "+op+" row.y", expr.Names{}).Value(s)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		ops[op] = v
	}
	less, diags := rowOf(t, "row.x < row.y", expr.Names{}).Condition(s)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,25})?`)
		x, y := number.Draw(t, "x"), number.Draw(t, "y")
		in := change(capture.Insert, table, nil, []capture.Value{text(x), text(y)})
		a, _ := new(big.Rat).SetString(x)
		b, _ := new(big.Rat).SetString(y)
		if got, err := less.Holds(in); got != (a.Cmp(b) < 0) || err != nil {
			t.Fatalf("%s < %s: %t, %v", x, y, got, err)
		}
		for op, v := range ops {
			want := new(big.Rat)
			switch op {
			case "+":
				want.Add(a, b)
			case "-":
				want.Sub(a, b)
			case "*":
				want.Mul(a, b)
			case "%":
				if b.Sign() == 0 {
					continue
				}
				q := new(big.Rat).Quo(a, b)
				whole := new(big.Rat).SetInt(new(big.Int).Quo(q.Num(), q.Denom()))
				want.Sub(a, whole.Mul(whole, b))
			}
			out, err := v.AppendJSON(nil, in)
			got, ok := new(big.Rat).SetString(strings.Trim(string(out), `"`))
			if err != nil || !ok || got.Cmp(want) != 0 {
				t.Fatalf("%s %s %s: %s, %v, want %s", x, op, y, out, err, want)
			}
		}
	})
}

// TestTimesAreInOrder compares random times as Go does.
func TestTimesAreInOrder(t *testing.T) {
	typ := pgType("timestamptz", capture.KindTimestampTZ)
	table := &capture.Table{Schema: "s", Name: "t", Columns: []capture.Column{{Name: "x", Type: typ}, {Name: "y", Type: typ}}}
	less, diags := rowOf(t, "row.x < row.y", expr.Names{}).Condition(expr.Shape{Table: table, Op: capture.Insert})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (micros int64, printed string) {
			micros = rapid.Int64Range(-62135596800e6, 253402300799e6).Draw(t, label)
			return micros, timeOf(micros).Format("2006-01-02 15:04:05.999999") + "+00"
		}
		a, x := draw("x")
		b, y := draw("y")
		if got, err := less.Holds(change(capture.Insert, table, nil, []capture.Value{text(x), text(y)})); got != (a < b) || err != nil {
			t.Fatalf("%s < %s: %t, %v", x, y, got, err)
		}
	})
	order := []string{"-infinity", "4713-01-01 00:00:00+00 BC", "0001-01-01 00:00:00+00 BC", "0001-01-01 00:00:00+00", "2026-02-28 23:59:59.999999+00", "10000-01-01 00:00:00+00", "294276-12-31 23:59:59+00", "infinity"}
	for i := 1; i < len(order); i++ {
		if got, err := less.Holds(change(capture.Insert, table, nil, []capture.Value{text(order[i-1]), text(order[i])})); !got || err != nil {
			t.Errorf("%s < %s: %t, %v", order[i-1], order[i], got, err)
		}
	}
}
