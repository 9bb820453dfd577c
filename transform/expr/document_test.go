package expr_test

import (
	stdjson "encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
)

// TestDocumentsAreRead compares members with escapes in their names and values with what package encoding/json reads.
func TestDocumentsAreRead(t *testing.T) {
	table := &capture.Table{Schema: "s", Name: "t", Columns: []capture.Column{{Name: "doc", Type: jsonType}, {Name: "key", Type: textType}}}
	s := expr.Shape{Table: table, Op: capture.Insert}
	member, diags := rowOf(t, `row.doc[row.key]`, expr.Names{}).Text(s)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	check := func(t fataler, doc, key, want string) {
		out, null, err := member.Append(nil, change(capture.Insert, table, nil, []capture.Value{text(doc), text(key)}))
		if string(out) != want || null || err != nil {
			t.Fatalf("%q of %s: %q, %t, %v, want %q", key, doc, out, null, err, want)
		}
	}
	for _, raw := range []string{`\"\\\/\b\f\n\r\t`, `\u00e9x\u20AC`, `\ud83d\ude00`, `\ud83d`, `\ud83dx`, `a\u0000b`, `\uD83D\u0041`, `plain`} {
		var want string
		if err := stdjson.Unmarshal([]byte(`"`+raw+`"`), &want); err != nil {
			t.Fatal(err)
		}
		check(t, `{"`+raw+`": "`+raw+`"}`, want, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.MapOfN(rapid.String(), rapid.String(), 1, 5).Draw(t, "members")
		doc, err := stdjson.MarshalIndent(members, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		var read map[string]string
		if err := stdjson.Unmarshal(doc, &read); err != nil {
			t.Fatal(err)
		}
		for key, want := range read {
			check(t, string(doc), key, want)
		}
	})
}

// Documents are equal whatever the order of their members, and whatever the digits of a number.
func TestDocumentsAreCompared(t *testing.T) {
	table := &capture.Table{Schema: "s", Name: "t", Columns: []capture.Column{{Name: "a", Type: jsonType}, {Name: "b", Type: jsonType}}}
	s := expr.Shape{Table: table, Op: capture.Insert}
	for _, c := range []struct {
		a, b  string
		equal bool
	}{
		{`{"a": 1, "b": [1, {"c": null}]}`, `{"b":[1.0,{"c":null}],"a":1e0}`, true},
		{`{"a": 1, "b": 2, "c": 3}`, `{"c": 3, "b": 2, "a": 1}`, true},
		{`{"a": 1, "b": 2}`, `{"b": 1, "a": 2}`, false},
		{`{"a": 1, "b": 2}`, `{"a": 1, "c": 2}`, false},
		{`{"a": 1}`, `{"a": 1, "b": 1}`, false},
		{`[1, 2]`, `[2, 1]`, false},
		{`[1, 2]`, `[1, 2, 3]`, false},
		{`"x"`, `"\u0078"`, true},
		{`12345678901234567890.10`, `1234567890123456789010e-2`, true},
		{`1e2`, `100`, true},
		{`true`, `"true"`, false},
		{`[]`, `{}`, false},
		{`null`, `null`, true},
	} {
		if got, err := holds(t, `row.a == row.b`, s, change(capture.Insert, table, nil, []capture.Value{text(c.a), text(c.b)})); got != c.equal || err != nil {
			t.Errorf("%s == %s: %t, %v", c.a, c.b, got, err)
		}
	}
}

// Floats are calculated and printed as Postgres does.
func TestFloats(t *testing.T) {
	table := &capture.Table{Schema: "s", Name: "t", Columns: []capture.Column{{Name: "x", Type: pgType("float8", capture.KindFloat)}}}
	s := expr.Shape{Table: table, Op: capture.Insert}
	for source, want := range map[string]string{
		`row.x + 1`: `1.5`, `row.x - 1`: `-0.5`, `row.x * 3`: `1.5`, `row.x / 4`: `0.125`, `row.x % 0.3`: `0.2`, `row.x * 1e20`: `5e+19`, `row.x / 100000`: `5e-06`,
		`-row.x`: `-0.5`, `abs(-row.x)`: `0.5`, `floor(row.x)`: `0`, `signum(-row.x)`: `-1`, `max(row.x, 0.25)`: `0.5`, `format("%.3f", row.x)`: `"0.500"`, `row.x == 0.5`: `true`,
		`row.x * 123456`: `61728`,
	} {
		v, diags := rowOf(t, source, expr.Names{}).Value(s)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if out, err := v.AppendJSON(nil, change(capture.Insert, table, nil, []capture.Value{text("0.5")})); string(out) != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", source, out, err, want)
		}
	}
	for _, special := range []string{"NaN", "Infinity", "-Infinity"} {
		v, diags := rowOf(t, `[row.x, row.x + 1, row.x > 5, row.x == row.x]`, expr.Names{}).Value(s)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		want := `["` + special + `","` + special + `",` + map[bool]string{true: "true", false: "false"}[special != "-Infinity"] + `,true]`
		if out, err := v.AppendJSON(nil, change(capture.Insert, table, nil, []capture.Value{text(special)})); string(out) != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", special, out, err, want)
		}
	}
}
