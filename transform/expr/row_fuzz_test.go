package expr_test

import (
	stdjson "encoding/json"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
)

// FuzzRow compiles random expressions for each operation and evaluates them over random values: nothing panics, every result is
// bounded and valid JSON, and what the log lacks is never null.
func FuzzRow(f *testing.F) {
	for _, source := range []string{
		`row.status == "paid" && row.total > 100`, `{ a = row.id, b = [for x in row.tags : upper(x)], c = "${row.doc.a}-${row.qty + 1}" }`,
		`try(row.doc.a.b[0], row.none) / row.qty`, `old.status != row.status`, `merge(row, { a = tx.annotations })`, `{ for k, v in row.meta : k => v... }`,
		`formatdate("YYYY", row.created_at) < timeadd(row.day, "1h")`, `regex("(a)(b)?", row.status)[1]`, `substr(row.name, row.qty, -1)`, `row.matrix[row.id % 2][0] % 3`,
		`coalesce(row.note, row.prices[0]) == row.nan`, `jsondecode(row.status)`, `row.addr.number - row.price`, `distinct(concat(row.tags, row.prices))`,
		`format("%5.2f|%-3s", row.total, row.code)`, `hmac(row.bin, row.uid)`, `keys(row)`, `row.doc[row.status][row.id]`, `[row.wait, row.local_at, row.big * -row.total]`,
	} {
		f.Add(source, "12", `{"a": [1, "b\u0041", null, {"c": 1e5}]}`)
		f.Add(source, "2026-11-23 10:00:00+00", `{1,NULL,"x\"y"}`)
		f.Add(source, "NaN", `("a",1,)`)
		f.Add(source, "", `"a"=>"b", "c"=>NULL`)
	}
	f.Fuzz(func(t *testing.T, source, one, two string) {
		if len(source) > 300 || len(one)+len(two) > 2000 || !strings.Contains(source, "row") && !strings.Contains(source, "tx.") {
			return
		}
		if hugeExponent(source) || strings.Count(source, "for") > 3 {
			return // HCL itself evaluates constants of any size when the file is read
		}
		checkRow(t, source, one, two)
	})
}

// fataler is a testing.T or a rapid.T.
type fataler interface {
	Fatalf(format string, args ...any)
}

// checkRow compiles an expression for each operation and evaluates it.
func checkRow(t fataler, source, one, two string) {
	e, err := config.ParseTemplate("${" + source + "}")
	if err != nil || e == nil {
		return
	}
	r, diags := expr.NewRow(e, expr.Names{})
	if (r == nil) != diags.HasErrors() {
		t.Fatalf("%s: %v, %v", source, r, diags)
	}
	if r == nil {
		return
	}
	for _, table := range []*capture.Table{orders(), full()} {
		for op := capture.Insert; op <= capture.Read; op++ {
			evaluate(t, r, expr.Shape{Table: table, Op: op, Unchanged: expr.Unchanged(len(one) % 3)}, source, one, two)
		}
	}
}

func hugeExponent(s string) bool {
	for i := range s {
		if (s[i] == 'e' || s[i] == 'E') && len(strings.TrimLeft(s[i+1:], "+-0123456789")) < len(s[i+1:])-3 {
			return true
		}
	}
	return false
}

// evaluate uses an expression in the three ways, over a row whose values are one and two.
func evaluate(t fataler, r *expr.Row, s expr.Shape, source, one, two string) {
	in := change(s.Op, s.Table, nil, nil)
	row := make([]capture.Value, len(cells))
	for i := range row {
		switch {
		case i%3 == 0:
			row[i] = text(one)
		case i%3 == 1:
			row[i] = text(two)
		case i%4 == 2 && s.Op == capture.Update && !cells[i].inline:
			row[i].Kind = capture.Unchanged
		}
	}
	switch s.Op {
	case capture.Delete:
		in.Change.Before = row
	case capture.Truncate:
	default:
		in.Change.After = row
	}
	if s.Op == capture.Update && s.Table.Columns[1].Identity {
		in.Change.Before = values()
	}
	if c, diags := r.Condition(s); c != nil {
		for range 2 {
			holds, err := c.Holds(in)
			if constant, ok := c.Constant(); ok && (err != nil || holds != constant) {
				t.Fatalf("%s for %s is constant %t, but holds %t, %v", source, s.Op, constant, holds, err)
			}
			for _, q := range c.Requires() {
				v := in.Change.Row()[q.Column]
				if s.Table.Columns[q.Column].Type.Kind == capture.KindBool && v.Kind == capture.Text && string(v.Bytes) != "t" {
					v.Bytes = []byte("f") // Postgres prints nothing else
				}
				if holds && (v.Kind != capture.Text || string(v.Bytes) != q.Text) {
					t.Fatalf("%s for %s holds without %v", source, s.Op, q)
				}
			}
		}
	} else if !diags.HasErrors() {
		t.Fatalf("%s for %s: neither a condition nor a problem", source, s.Op)
	}
	if v, diags := r.Value(s); v != nil {
		out, err := v.AppendJSON([]byte("-"), in)
		if err == nil && !stdjson.Valid(out[1:]) {
			t.Fatalf("%s for %s: %s is not JSON", source, s.Op, out)
		}
		if err != nil && string(out) != "-" {
			t.Fatalf("%s for %s: %s with an error", source, s.Op, out)
		}
	} else if !diags.HasErrors() {
		t.Fatalf("%s for %s: neither a value nor a problem", source, s.Op)
	}
	if x, diags := r.Text(s); x != nil {
		if out, null, err := x.Append([]byte("-"), in); (null || err != nil) && string(out) != "-" {
			t.Fatalf("%s for %s: %s, %t, %v", source, s.Op, out, null, err)
		}
	} else if !diags.HasErrors() {
		t.Fatalf("%s for %s: neither a text nor a problem", source, s.Op)
	}
}
