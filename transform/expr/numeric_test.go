package expr_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
)

// TestNumericAsNumber: what plain changes have as numbers is one in what an expression makes, too. All digits stay.
func TestNumericAsNumber(t *testing.T) {
	for text, want := range map[string][2]string{ // as strings, as numbers
		`row.total`:                         {`"120.50"`, `120.50`},
		`{ a = row.total, b = row.nan }`:    {`{"a":"120.50","b":"NaN"}`, `{"a":120.50,"b":"NaN"}`},
		`row.total + 1`:                     {`"121.50"`, `121.50`},
		`row.total * row.qty - 0.50`:        {`"361.00"`, `361.00`},
		`max(row.total, 7)`:                 {`"120.50"`, `120.50`},
		`row.nan + 1`:                       {`"NaN"`, `"NaN"`},
		`row.prices`:                        {`["1.50","NaN","3"]`, `[1.50,"NaN",3]`},
		`row.prices[0]`:                     {`"1.50"`, `1.50`},
		`[for p in row.prices : p]`:         {`["1.50","NaN","3"]`, `[1.50,"NaN",3]`},
		`row.id > 1 ? row.total : null`:     {`"120.50"`, `120.50`},
		`"x${row.total}"`:                   {`"x120.50"`, `"x120.50"`},
		`row.price`:                         {`1.5`, `1.5`},
		`[row.empty, row.total == 120.500]`: {`[null,true]`, `[null,true]`},
		`jsonencode([row.total])`:           {`"[\"120.50\"]"`, `"[120.50]"`},
		`[lookup(row, "total", 1)]`:         {`["120.50"]`, `[120.50]`},
	} {
		for i, numbers := range []bool{false, true} {
			s := shapeOf(capture.Insert)
			s.NumericAsNumber = numbers
			v, diags := rowOf(t, text, expr.Names{}).Value(s)
			if diags.HasErrors() {
				t.Errorf("%s: %v", text, diags)
				continue
			}
			if got, err := v.AppendJSON(nil, change(capture.Insert, s.Table, nil, values())); string(got) != want[i] || err != nil {
				t.Errorf("%s, as numbers %v: %s, %v, want %s", text, numbers, got, err, want[i])
			}
		}
	}
}

// TestSharedMemory: expressions that share their memory do not disturb each other, also when one of them fails.
func TestSharedMemory(t *testing.T) {
	s := shapeOf(capture.Insert)
	s.Memory = &expr.Memory{}
	in := change(capture.Insert, s.Table, nil, values())
	type compiled struct {
		text, want string
		value      *expr.Value
	}
	var all []compiled
	for text, want := range map[string]string{
		`upper("${row.status}-${row.id}")`:                           `"PAID-42"`,
		`[for p in row.prices : [for q in row.matrix : "q${q[0]}"]]`: `[["q1","q3"],["q1","q3"],["q1","q3"]]`,
		`join("/", [for k, v in row.doc : k])`:                       `"a/n/s/t/price/k/k"`,
		`10 / (row.id - 42)`:                                         ``,
		`row.prices`:                                                 `["1.50","NaN","3"]`,
		`try(10 / (row.id - 42), row.status)`:                        `"paid"`,
	} {
		v, diags := rowOf(t, text, expr.Names{}).Value(s)
		if diags.HasErrors() {
			t.Fatalf("%s: %v", text, diags)
		}
		all = append(all, compiled{text, want, v})
	}
	for range 3 {
		for _, c := range all {
			got, err := c.value.AppendJSON(nil, in)
			if string(got) != c.want || (err != nil) != (c.want == "") {
				t.Errorf("%s: %s, %v, want %s", c.text, got, err, c.want)
			}
		}
	}
}
