package expr_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
)

var frequent = map[string]string{
	"text_and_number": `row.status == "paid" && row.total > 100`,
	"update":          `op == "update" && row.status == "paid" && row.id != 7`,
	"time":            `row.created_at > "2026-01-01T00:00:00Z"`,
	"json":            `row.doc.s == "text"`,
	"arithmetic":      `row.total * row.qty - 1 >= 360.5`,
	"null":            `row.note == null`,
	"list":            `contains(["open", "paid"], row.status)`,
}

const payload = `{ order_id = row.id, total = row.total, status = row.status, paid_at = tx.time, by = row.created_at }`

func conditionOf(t testing.TB, source string) (*expr.Condition, *expr.Input) {
	t.Helper()
	s := shapeOf(capture.Update)
	for i := range s.Table.Columns {
		s.Table.Columns[i].Inline = true
	}
	c, diags := rowOf(t, source, expr.Names{}).Condition(s)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return c, change(capture.Update, s.Table, nil, values())
}

func valueOf(t testing.TB, source string) (*expr.Value, *expr.Input) {
	t.Helper()
	s := shapeOf(capture.Insert)
	v, diags := rowOf(t, source, expr.Names{}).Value(s)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return v, change(capture.Insert, s.Table, nil, values())
}

// Conditions, keys and payloads that are frequent allocate nothing once their buffers are large enough.
func TestFrequentExpressionsAllocNothing(t *testing.T) {
	for name, source := range frequent {
		c, in := conditionOf(t, source)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := c.Holds(in); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	for _, source := range []string{payload, `{ a = row.total + 1, b = "order:${row.id}", c = upper(row.status), d = row.doc.s, e = row.tags }`, `hmac(row.status, "key")`, `[for x in row.matrix : x]`} {
		v, in := valueOf(t, source)
		dst := make([]byte, 0, 4096)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := v.AppendJSON(dst, in); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", source, n)
		}
	}
	for _, source := range []string{`row.id`, `"orders:${row.id}:${row.status}"`, `row.total + 1`} {
		s := shapeOf(capture.Insert)
		compiled, diags := rowOf(t, source, expr.Names{}).Text(s)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		in, dst := change(capture.Insert, s.Table, nil, values()), make([]byte, 0, 4096)
		if n := testing.AllocsPerRun(100, func() {
			if _, _, err := compiled.Append(dst, in); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", source, n)
		}
	}
}

func BenchmarkCondition(b *testing.B) {
	for name, source := range frequent {
		b.Run(name, func(b *testing.B) {
			c, in := conditionOf(b, source)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Holds(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkData(b *testing.B) {
	for name, source := range map[string]string{"five_fields": payload, "computed": `{ id = row.id, sum = row.total * row.qty, key = "order:${row.id}", s = row.doc.s, t = upper(row.status) }`} {
		b.Run(name, func(b *testing.B) {
			v, in := valueOf(b, source)
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = v.AppendJSON(dst[:0], in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
