package expr_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anything is a random expression of any types, over any columns.
func anything(t *rapid.T, depth int) string {
	pick := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, "pick") }
	if depth == 0 {
		if rapid.Bool().Draw(t, "column") {
			return pick("row", "row", "row", "old") + `["` + cells[rapid.IntRange(0, len(cells)-1).Draw(t, "index")].name + `"]`
		}
		return pick("0", "1", "-2.5", `"a"`, `""`, `"2026-11-23"`, "true", "null", "op", "tx.time", "tx.annotations", "row", "old", "row.new", "[]", "{}", "99999999999999999999")
	}
	x := func() string { return anything(t, depth-1) }
	switch rapid.IntRange(0, 8).Draw(t, "kind") {
	case 0, 1:
		return "(" + x() + pick(" + ", " - ", " * ", " / ", " % ", " == ", " != ", " < ", " <= ", " > ", " >= ", " && ", " || ") + x() + ")"
	case 2:
		return "(" + x() + " ? " + x() + " : " + x() + ")"
	case 3:
		return pick("!", "-") + "(" + x() + ")"
	case 4:
		return "(" + x() + ")" + pick("[0]", ".a", "[*]", `["b"]`, "["+x()+"]", "[*].a", ".a.b[1]")
	case 5:
		return pick("[for k, v in "+x()+" : [k, "+x()+"] if "+x()+"]", "{ for v in "+x()+" : v => "+x()+" }", "{ for k, v in "+x()+" : k => v... }", "[for v in "+x()+" : v]")
	case 6:
		return pick("["+x()+", "+x()+"]", "{ a = "+x()+", ("+x()+") = "+x()+" }", `"<${`+x()+`}>"`, "{ a = "+x()+" }")
	case 7:
		return pick("upper", "strlen", "title", "strrev", "base64decode", "jsondecode", "jsonencode", "md5", "abs", "ceil", "floor", "int", "signum", "tonumber", "tobool", "tostring",
			"length", "keys", "values", "flatten", "distinct", "compact", "reverse", "sort", "can") + "(" + x() + ")"
	}
	return pick("trim", "split", "join", "min", "max", "merge", "concat", "contains", "element", "lookup", "coalesce", "coalescelist", "try", "timeadd", "hmac", "parseint", "startswith") +
		"(" + x() + ", " + x() + ")"
}

// TestRandomRows is FuzzRow with expressions that parse.
func TestRandomRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source := anything(t, rapid.IntRange(0, 3).Draw(t, "depth"))
		if !strings.Contains(source, "row") && !strings.Contains(source, "old") {
			return
		}
		texts := rapid.SampledFrom([]string{"", "12", "-0.5", "NaN", "t", "2026-11-23 10:00:00+00", "infinity", `{1,NULL,"x\"y",{2}}`, `{"a": [1, "b\u0041", null, {"c": 1e5}], "b": "x"}`,
			`("a",1,)`, `"a"=>"b", "c"=>NULL`, `[1, 2`, "\xff", `"\ud800`, `\x00ff`, "1e400", strings.Repeat("9", 40)})
		checkRow(t, source, texts.Draw(t, "one"), texts.Draw(t, "two"))
	})
}
