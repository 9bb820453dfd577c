package expr_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
)

// TestConjunctions compares conditions, whose comparisons of columns with constants are evaluated as a list of tests, with the same
// expressions as values, which are evaluated node by node.
func TestConjunctions(t *testing.T) {
	full := orders()
	for i := range full.Columns {
		full.Columns[i].Identity = true
	}
	texts := []string{"", "paid", "exactly16bytes..", "seventeen bytes..", strings.Repeat("x", 300)}
	numbers := []string{
		"0", "-1", "120.50", "120.500", "99.99", "9223372036854775807", "-9223372036854775808", "1e3", "NaN", "Infinity", "-Infinity",
		"123456789012345678901234567890.5", "0.00000000000000000000000000001",
	}
	literals := []string{"0", "-1", "120.5", "120.50", "9223372036854775807", "9223372036854775808", "-0.000000000000000000001", "1e30"}
	r := rand.New(rand.NewPCG(3, 5))
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	operand := func() string {
		row := pick([]string{"row", "old"})
		switch r.IntN(4) {
		case 0:
			return fmt.Sprintf("%s.status %s %q", row, pick([]string{"==", "!="}), pick(texts))
		case 1:
			return fmt.Sprintf("%s.paid", row)
		default:
			return fmt.Sprintf("%s.%s %s %s", row, pick([]string{"total", "id", "price"}), pick([]string{"<", "<=", ">", ">="}), pick(literals))
		}
	}
	value := func(list []string) capture.Value {
		if r.IntN(6) == 0 {
			return capture.Value{}
		}
		return text(pick(list))
	}
	image := func() []capture.Value {
		row := values()
		row[at("status")], row[at("total")], row[at("price")] = value(texts), value(numbers), value(numbers[:5])
		row[at("id")], row[at("paid")] = value([]string{"0", "-1", "9223372036854775807"}), value([]string{"t", "f"})
		return row
	}
	trues := 0
	for range 3000 {
		operands := []string{operand(), operand(), operand()}[:1+r.IntN(3)]
		source := strings.Join(operands, " && ")
		s := expr.Shape{Table: full, Op: capture.Update}
		compiled, diags := rowOf(t, source, expr.Names{}).Condition(s)
		if diags.HasErrors() {
			t.Fatalf("%s: %v", source, diags)
		}
		single, diags := rowOf(t, source, expr.Names{}).Value(s)
		if diags.HasErrors() {
			t.Fatalf("%s: %v", source, diags)
		}
		in := change(capture.Update, full, image(), image())
		if r.IntN(4) == 0 {
			in.Change.Before = nil
		}
		if r.IntN(4) == 0 {
			in.Change.After[at("total")].Kind = []capture.ValueKind{capture.Absent, capture.Unchanged}[r.IntN(2)]
		}
		holds, err := compiled.Holds(in)
		json, wantErr := single.AppendJSON(nil, in)
		if (err == nil) != (wantErr == nil) || err == nil && holds != (string(json) == "true") || err != nil && holds {
			t.Fatalf("%s of %v before %v: %t, %v; as a value %s, %v", source, in.Change.After, in.Change.Before, holds, err, json, wantErr)
		}
		if holds {
			trues++
		}
	}
	if trues < 100 {
		t.Errorf("only %d hold", trues)
	}
}
