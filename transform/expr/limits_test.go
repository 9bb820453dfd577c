package expr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
)

func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// TestBounds evaluates expressions that would loop for hours or need gigabytes.
func TestBounds(t *testing.T) {
	table := &capture.Table{Schema: "s", Name: "t", Columns: []capture.Column{
		{Name: "doc", Type: jsonType}, {Name: "s", Type: textType}, {Name: "n", Type: numericType}, {Name: "deep", Type: jsonType},
	}}
	s := expr.Shape{Table: table, Op: capture.Insert}
	in := change(capture.Insert, table, nil, []capture.Value{
		text("[" + strings.Repeat("1,", 10_000) + "1]"), text(strings.Repeat("x", 1<<18)), text(strings.Repeat("9", 130_000)), text(strings.Repeat("[", 5000) + strings.Repeat("]", 5000)),
	})
	for source, want := range map[string]string{
		`length([for a in row.doc : [for b in row.doc : [for c in row.doc : c]]])`: "row",
		`[for a in row.doc : row.doc]`:                                             "larger than 64 MiB",
		`join("", [for a in row.doc : row.s])`:                                     "64 MiB",
		`replace(row.s, "x", row.s)`:                                               "64 MiB",
		`replace(row.s, "", row.s)`:                                                "64 MiB",
		`regexreplace(row.s, "", row.s)`:                                           "64 MiB",
		`split("", "${row.s}${row.s}${row.s}${row.s}${row.s}")`:                    "64 MiB",
		`row.n * row.n`:        "more than 200000 digits",
		`row.deep == row.deep`: "nested too deep",
		`flatten(row.deep)`:    "nested too deep",
		`try([for a in row.doc : [for b in row.doc : row.s]], 1)`:                        "64 MiB",
		`can([for a in row.doc : [for b in row.doc : [for c in row.doc : row.doc[b]]]])`: "row",
		`distinct([for i, a in row.doc : i])`:                                            "",
		`{ for i, a in row.doc : "${i}" => row.s }`:                                      "64 MiB",
		`contains([for i, a in row.doc : row.doc], row.doc)`:                             "",
		`format("%1000s", "${row.s}")`:                                                   "",
		`indent(1000, join("\n", split("", row.s)))`:                                     "64 MiB",
		`[for a in row.doc : row.n > 5]`:                                                 "too much work",
		`[for a in row.doc : row.n == row.n]`:                                            "too much work",
		`[for a in row.doc : row.n % 7]`:                                                 "",
		`sort([for a in row.doc : row.s])`:                                               "64 MiB",
		`[for a in row.doc : hmac(row.s, "k")]`:                                          "too much work",
		`[for a in row.doc : jsondecode("[${row.s}]")]`:                                  "not JSON",
	} {
		v, diags := rowOf(t, source, expr.Names{}).Value(s)
		if diags.HasErrors() {
			t.Errorf("%s: %v", source, diags)
			continue
		}
		out, err := v.AppendJSON(nil, in)
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) || want == "" && err != nil && !strings.Contains(err.Error(), "for one row") {
			t.Errorf("%s: %d bytes, %v, want %q", source, len(out), err, want)
		}
	}
}

// TestHostileExpressions are refused, or compile; they never end the process.
func TestHostileExpressions(t *testing.T) {
	for _, source := range []string{
		`row.id == 1e999999999`, `"${1e-999999999}" == row.status`, `row.id + ` + strings.Repeat("(", 200) + `1` + strings.Repeat(")", 200) + ` > 1`,
		strings.Repeat("!", 2000) + `row.paid`, `row.doc` + strings.Repeat(".a", 3000) + ` == 1`, `row.doc` + strings.Repeat("[0]", 3000) + ` == 1`,
		`[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : [for d in range(1000) : d]]]] == row.doc`,
		`setproduct(setproduct(range(1000), range(1000)), range(1000)) == row.doc`, `length([` + strings.Repeat("1,", 20_000) + `row.id]) == 1`,
		`1 == row.id` + strings.Repeat(" || 1 == row.id", 3000), `9` + strings.Repeat("* 99999999999999999999", 1000) + ` > row.id`,
	} {
		e, err := config.ParseTemplate("${" + source + "}")
		if err != nil || e == nil {
			continue
		}
		r, diags := expr.NewRow(e, expr.Names{})
		if r == nil {
			if !diags.HasErrors() {
				t.Errorf("%.60s: neither a row nor a problem", source)
			}
			continue
		}
		if c, diags := r.Condition(shapeOf(capture.Insert)); c == nil && !diags.HasErrors() {
			t.Errorf("%.60s: neither a condition nor a problem", source)
		}
	}
}
