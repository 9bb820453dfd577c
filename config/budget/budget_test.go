package budget_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/tailrace/tailrace/config/budget"
)

// contextOf has the functions of the tests, and locals.
func contextOf(locals map[string]cty.Value) *hcl.EvalContext {
	return &hcl.EvalContext{
		Variables: map[string]cty.Value{"local": cty.ObjectVal(locals)},
		Functions: map[string]function.Function{
			"setproduct": stdlib.SetProductFunc, "range": stdlib.RangeFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc,
			"indent": stdlib.IndentFunc, "join": stdlib.JoinFunc, "replace": stdlib.ReplaceFunc, "regexreplace": stdlib.RegexReplaceFunc,
			"regex": stdlib.RegexFunc, "distinct": stdlib.DistinctFunc, "parseint": stdlib.ParseIntFunc, "jsondecode": stdlib.JSONDecodeFunc,
			"concat": stdlib.ConcatFunc, "upper": stdlib.UpperFunc, "merge": stdlib.MergeFunc, "length": stdlib.LengthFunc,
			"jsonencode": stdlib.JSONEncodeFunc, "flatten": stdlib.FlattenFunc, "contains": stdlib.ContainsFunc, "split": stdlib.SplitFunc,
			"try": tryfunc.TryFunc, "can": tryfunc.CanFunc,
		},
	}
}

func parse(t testing.TB, text string) hclsyntax.Expression {
	t.Helper()
	x, diags := hclsyntax.ParseExpression([]byte(text), "f.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", text, diags)
	}
	return x
}

var locals = map[string]cty.Value{
	"l": cty.TupleVal([]cty.Value{cty.StringVal("a"), cty.NumberIntVal(2), cty.NullVal(cty.String)}),
	"o": cty.ObjectVal(map[string]cty.Value{"k": cty.StringVal("v").Mark("secret"), "n": cty.ListVal([]cty.Value{cty.StringVal("x"), cty.StringVal("y")})}),
	"u": cty.UnknownVal(cty.String),
}

// TestSameAsHCL: within the budget, nothing changes: neither values, nor marks, nor problems.
func TestSameAsHCL(t *testing.T) {
	for _, text := range []string{
		`1 + 2 * 3`, `-local.l[1]`, `!true`, `(1 == 1) && true ? "a" : "b"`, `"a${local.o.k}b"`, `"${local.l[0]}"`, `local.o["n"][1]`,
		`{ a = 1, "b" = 2, (local.l[0]) = 3 }`, `{ (local.l[0]) = 1 }["a"]`, `[for x in local.l : x]`, `[for i, x in local.l : "${i}" if x != null]`,
		`{ for k, v in local.o : k => v }`, `{ for x in ["a", "b", "a"] : x => 1... }`, `local.o.n[*]`, `[{ a = 1 }, { a = 2 }][*].a`, `[[{ a = 1 }]].*.0`,
		`"%{ for x in local.o.n }${x},%{ endfor }"`, `"%{ if true }a%{ else }b%{ endif }"`, `try(local.nothing, "default")`, `can(local.o.k)`,
		`upper("${local.u}")`, `join("-", local.o.n...)`, `join("-", local.o.n)`, `format("%05d|%-8s|%.2f|%%12345", 42, "x", 1.5)`, `length(local.l)`,
		`local.l[7]`, `1 + "x"`, `upper()`, `nothing(1)`, `local.nothing`, `[for x in 5 : x]`, `{ for x in ["a", "a"] : x => 1 }`, `"${[1]}"`, `format("%d", "x")`,
		`formatlist("%s order 123456 of %s", ["a", "b"], "c")`, `null`, `"text"`, `merge({ a = 1 }, local.o)`, `setproduct(["a", "b"], local.o.n)`,
		`distinct(["a", "a"])`, `jsondecode("{\"a\": [1, {\"b\": null}]}")`, `regexreplace("aXbX", "X", "$0-")`, `jsonencode(local.o.n)`,
	} {
		x := parse(t, text)
		want, wantDiags := x.Value(contextOf(locals))
		got, diags := new(budget.Budget).Value(x, contextOf(locals))
		if !got.RawEquals(want) {
			t.Errorf("%s: %#v, want %#v", text, got, want)
		}
		if diags.Error() != wantDiags.Error() {
			t.Errorf("%s: %v\nwant %v", text, diags, wantDiags)
		}
	}
}

// TestHostileExpressions: what would take all memory, or years, is a problem at the part that would.
func TestHostileExpressions(t *testing.T) {
	doubled := `"xxxxxxxx"`
	for range 40 {
		doubled = `[for x in [` + doubled + `] : "${x}${x}"][0]`
	}
	loops := `1`
	for range 5 {
		loops = `[for x in range(1000) : ` + loops + `]`
	}
	large := cty.StringVal(strings.Repeat("a", 8<<20))
	deep := cty.StringVal(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000))
	with := map[string]cty.Value{"large": large, "deep": deep}
	for text, at := range map[string]string{
		loops:   "",
		doubled: "",
		`setproduct(range(1000), range(1000), range(1000), range(1000))`:             "f.hcl:1,",
		`1 + length([for a in range(1000) : setproduct(range(90), range(90), [a])])`: "f.hcl:1,",
		`"a" == format("%999999999d", 1)`:                                            "f.hcl:1,8-",
		`format("%.999999999f", 1)`:                                                  "f.hcl:1,1-",
		`formatlist("%999999999s", ["a"])`:                                           "f.hcl:1,1-",
		`format("` + strings.Repeat("%[1]s", 1000) + `", local.large)`:               "f.hcl:1,",
		`indent(999999999, "a\nb")`:                                                  "f.hcl:1,",
		`replace(local.large, "a", local.large)`:                                     "f.hcl:1,",
		`regexreplace(local.large, "a", local.large)`:                                "f.hcl:1,",
		`regex(local.large, local.large)`:                                            "f.hcl:1,",
		`join(local.large, range(1000))`:                                             "f.hcl:1,",
		`"` + strings.Repeat("${local.large}", 1000) + `"`:                           "f.hcl:1,",
		`concat(` + strings.Repeat("split(\"\", local.large), ", 20) + `[])`:         "f.hcl:1,",
		`jsonencode([` + strings.Repeat("local.large,", 100) + `])`:                  "f.hcl:1,",
		`"%{ for a in range(1000) }%{ for b in range(1000) }%{ for c in range(1000) }x%{ endfor }%{ endfor }%{ endfor }"`: "f.hcl:1,",
		`distinct([for a in range(1000) : [for b in range(1000) : a]])`:                                                   "f.hcl:1,",
		`distinct(flatten([for a in range(100) : range(1000)]))`:                                                          "f.hcl:1,",
		`1e9999` + strings.Repeat(" * 1e9999", 200):                                                                       "f.hcl:1,1-",
		`jsondecode(local.deep)`:       "f.hcl:1,",
		`parseint(local.large, 10)`:    "f.hcl:1,",
		`try(` + loops + `, "hidden")`: "",
		`[for x in range(1000) : [for y in range(1000) : contains(range(1000), y)]]`: "f.hcl:1,",
	} {
		name := text[:min(60, len(text))]
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, diags := new(budget.Budget).Value(parse(t, text), contextOf(with))
		runtime.ReadMemStats(&after)
		if !diags.HasErrors() || !strings.Contains(diags.Error(), at) {
			t.Errorf("%s: %v, want a problem at %s", name, diags, at)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 2<<30 { // of which the race detector makes a part
			t.Errorf("%s: %d MiB", name, n>>20)
		}
	}
}

// TestBudgetOfAllFiles: thousands of locals that each stay within the limit of one expression do not add up.
func TestBudgetOfAllFiles(t *testing.T) {
	var b budget.Budget
	x := parse(t, `"${local.large}x"`)
	ctx := contextOf(map[string]cty.Value{"large": cty.StringVal(strings.Repeat("a", 8<<20))})
	for i := range 100 {
		if _, diags := b.Value(x, ctx); diags.HasErrors() {
			if i < 5 {
				t.Errorf("the expression %d does not fit: %v", i, diags)
			}
			return
		}
	}
	t.Error("100 texts of 8 MiB fit")
}
