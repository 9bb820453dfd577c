package expr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
)

func pgType(name string, kind capture.TypeKind) *capture.Type {
	return &capture.Type{Schema: "pg_catalog", Name: name, Kind: kind}
}

func arrayOf(elem *capture.Type) *capture.Type {
	return &capture.Type{Schema: "pg_catalog", Name: "_" + elem.Name, Kind: capture.KindArray, Elem: elem, Delim: ','}
}

var (
	textType    = pgType("text", capture.KindText)
	int8Type    = pgType("int8", capture.KindInt)
	numericType = pgType("numeric", capture.KindNumeric)
	boolType    = pgType("bool", capture.KindBool)
	jsonType    = pgType("jsonb", capture.KindJSON)
)

// cell is a column of the tests with its value in the row; "∅" is null.
type cell struct {
	name, value string
	typ         *capture.Type
	inline      bool
}

var cells = []cell{
	{"id", "42", int8Type, true},
	{"status", "paid", textType, false},
	{"total", "120.50", numericType, true},
	{"qty", "3", pgType("int4", capture.KindInt), true},
	{"price", "1.5", pgType("float8", capture.KindFloat), true},
	{"paid", "t", boolType, true},
	{"note", "∅", textType, false},
	{"created_at", "2026-11-23 10:00:00.5+00", pgType("timestamptz", capture.KindTimestampTZ), true},
	{"local_at", "2026-11-23 10:00:00", pgType("timestamp", capture.KindTimestamp), true},
	{"day", "2026-11-23", pgType("date", capture.KindDate), true},
	{"doc", `{"a": {"b": [1, 2.50, "x\ty"]}, "n": null, "s": "text", "t": true, "price": 1.50, "k": 1, "k": 2}`, jsonType, false},
	{"tags", `{red,"dark blue",NULL}`, arrayOf(textType), false},
	{"prices", `{1.50,NaN,3}`, arrayOf(numericType), false},
	{"matrix", `{{1,2},{3,4}}`, arrayOf(int8Type), false},
	{"addr", `("High St",12,)`, &capture.Type{Schema: "public", Name: "addr", Kind: capture.KindComposite, Fields: []capture.Field{
		{Name: "street", Type: textType}, {Name: "number", Type: int8Type}, {Name: "zip", Type: textType},
	}}, false},
	{"meta", `"a"=>"1", "b"=>NULL`, pgType("hstore", capture.KindHstore), false},
	{"code", "ab   ", pgType("bpchar", capture.KindText), false},
	{"bin", `\x00ff`, pgType("bytea", capture.KindBytes), false},
	{"wait", "1 day 02:00:00", pgType("interval", capture.KindInterval), true},
	{"uid", "c4ca4238-a0b9-2382-0dcc-509a6f75849b", pgType("uuid", capture.KindText), true},
	{"nan", "NaN", numericType, true},
	{"big", "9223372036854775807", int8Type, true},
	{"name", "Grüße", textType, false},
	{"empty", "∅", numericType, true},
	{"empty_list", "∅", arrayOf(textType), true},
	{"empty_bool", "∅", boolType, true},
	{"total-row", "x", textType, true},
	{"Full Name", "Ann", textType, true},
}

// orders is the table of the tests; its replica identity is id.
func orders() *capture.Table {
	t := &capture.Table{Schema: "public", Name: "orders", Key: []int{0}}
	for i, c := range cells {
		t.Columns = append(t.Columns, capture.Column{Name: c.name, Type: c.typ, Key: i == 0, Identity: i == 0, Inline: c.inline, Nullable: i > 0})
	}
	return t
}

func values() []capture.Value {
	row := make([]capture.Value, len(cells))
	for i, c := range cells {
		if c.value != "∅" {
			row[i] = capture.Value{Kind: capture.Text, Bytes: []byte(c.value)}
		}
	}
	return row
}

func at(name string) int {
	for i, c := range cells {
		if c.name == name {
			return i
		}
	}
	panic(name)
}

func text(s string) capture.Value { return capture.Value{Kind: capture.Text, Bytes: []byte(s)} }

var tx = &capture.Tx{
	LSN: 0x16B3748, XID: 7, Time: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), Annotations: []byte(`{"user": "ann", "roles": ["a", "b"]}`),
}

func change(op capture.Op, table *capture.Table, before, after []capture.Value) *expr.Input {
	return &expr.Input{Change: &capture.Change{Tx: tx, Op: op, Table: table, Before: before, After: after}}
}

func parsed(t testing.TB, text string) *config.Expression {
	t.Helper()
	e, err := config.ParseTemplate("${" + text + "}")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

func rowOf(t testing.TB, text string, n expr.Names) *expr.Row {
	t.Helper()
	r, diags := expr.NewRow(parsed(t, text), n)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", text, diags)
	}
	return r
}

func shapeOf(op capture.Op) expr.Shape {
	return expr.Shape{Table: orders(), Op: op, Pipeline: "shop"}
}

// json evaluates an expression over an inserted row.
func json(t testing.TB, text string) (string, error) {
	t.Helper()
	e, err := config.ParseTemplate("${" + text + "}")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if e == nil {
		return "null", nil
	}
	r, diags := expr.NewRow(e, expr.Names{})
	if diags.HasErrors() {
		return "", diags
	}
	s := shapeOf(capture.Insert)
	v, diags := r.Value(s)
	if diags.HasErrors() {
		return "", diags
	}
	out, err := v.AppendJSON(nil, change(capture.Insert, s.Table, nil, values()))
	return string(out), err
}

func TestValues(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		// columns, by the rules of package jsonvalue
		{`row.id`, `42`},
		{`row.total`, `"120.50"`},
		{`row.price`, `1.5`},
		{`row.paid`, `true`},
		{`row.note`, `null`},
		{`row.created_at`, `"2026-11-23T10:00:00.5Z"`},
		{`row.day`, `"2026-11-23"`},
		{`row.bin`, `"AP8="`},
		{`row.wait`, `"P1DT2H"`},
		{`row.tags`, `["red","dark blue",null]`},
		{`row.matrix`, `[[1,2],[3,4]]`},
		{`row["Full Name"]`, `"Ann"`},
		{`row.nan`, `"NaN"`},
		{`row.addr`, `{"street":"High St","number":12,"zip":null}`},
		{`row.meta`, `{"a":"1","b":null}`},
		// literals, objects, lists
		{`[1, "a", true, null, 1.50, -0.5]`, `[1,"a",true,null,1.5,-0.5]`},
		{`{ a = row.id, "b c" = { d = row.total } }`, `{"a":42,"b c":{"d":"120.50"}}`},
		{`{ (row.status) = row.id, x = 1 }`, `{"paid":42,"x":1}`},
		{`{ "${row.status}-x" = 1 }`, `{"paid-x":1}`},
		// arithmetic
		{`row.qty + 1`, `4`},
		{`row.total * 2`, `"241.00"`},
		{`row.total - row.qty`, `"117.50"`},
		{`row.qty * 1.5`, `4.5`},
		{`row.qty / 2`, `1.5`},
		{`row.big + 1`, `9223372036854775808`},
		{`row.big * row.big`, `85070591730234615847396907784232501249`},
		{`-row.big - 2`, `-9223372036854775809`},
		{`row.qty / 7`, `0.4285714285714285714285714285714285714286`},
		{`row.id % 5`, `2`},
		{`-row.id % 5`, `-2`},
		{`row.total % 1`, `"0.50"`},
		{`row.price * 2`, `3`},
		{`row.price + row.total`, `"122"`},
		{`row.empty + 1`, `null`},
		{`row.nan + 1`, `"NaN"`},
		{`row.total / 8`, `"15.0625"`},
		{`0.1 + 0.2`, `0.3`},
		{`row.doc.price * 2`, `3`},
		{`-row.doc.price`, `-1.5`},
		{`row.doc.s == "text" ? row.qty : 0`, `3`},
		// JSON, arrays, composites
		{`row.doc.a.b[1]`, `2.50`},
		{`row.doc.a.b[2]`, `"x\ty"`},
		{`row.doc["a"]["b"][row.qty - 3]`, `1`},
		{`row.doc.none.x`, `null`},
		{`row.doc.n`, `null`},
		{`row.doc.k`, `2`},
		{`row.doc.a.b[9]`, `null`},
		{`row.doc.a`, `{"b": [1, 2.50, "x\ty"]}`},
		{`row.doc.s.x`, `null`},
		{`row.tags[1]`, `"dark blue"`},
		{`row.tags[2]`, `null`},
		{`row.prices[0]`, `"1.50"`},
		{`row.prices[0] + 1`, `"2.50"`},
		{`row.matrix[1][0]`, `3`},
		{`row.addr.street`, `"High St"`},
		{`row.addr.number + 1`, `13`},
		{`row.meta.a`, `"1"`},
		{`row.meta["b"]`, `null`},
		{`[1, 2][row.qty - 2]`, `2`},
		// for, splat
		{`[for x in row.tags : upper(x) if x != null]`, `["RED","DARK BLUE"]`},
		{`[for i, x in row.tags : i]`, `[0,1,2]`},
		{`{ for k, v in row.meta : k => v }`, `{"a":"1","b":null}`},
		{`{ for x in row.matrix : "${x[0]}" => x[1] }`, `{"1":2,"3":4}`},
		{`{ for x in ["a", "b", "a"] : x => row.id... }`, `{"a":[42,42],"b":[42]}`},
		{`row.doc.a.b[*]`, `[1,2.50,"x\ty"]`},
		{`[for x in row.doc.a.b : x]`, `[1,2.50,"x\ty"]`},
		{`[for a in row.matrix : [for b in a : b * 10]]`, `[[10,20],[30,40]]`},
		{`[for x in row.empty_list : x]`, `null`},
		{`[for p in row.prices : p > 2]`, `[false,true,true]`},
		{`row.doc.s[*]`, ``},
		// names
		{`op`, `"insert"`},
		{`"${table.schema}.${table.name}"`, `"public.orders"`},
		{`tx.lsn`, `"0/16B3748"`},
		{`tx.xid`, `7`},
		{`tx.time`, `"2026-11-23T10:00:00.000000Z"`},
		{`tx.annotations.user`, `"ann"`},
		{`tx.annotations.roles[1]`, `"b"`},
		{`source.pipeline`, `"shop"`},
		{`tx.annotations`, `{"user": "ann", "roles": ["a", "b"]}`},
		{`old.status`, `null`},
		{`old`, `null`},
		{`{ t = tx.time, o = op }`, `{"t":"2026-11-23T10:00:00.000000Z","o":"insert"}`},
		// conditionals
		{`row.qty > 2 ? "many" : "few"`, `"many"`},
		{`row.note == "x" ? 1 : 2`, `2`},
		{`true ? row.id : row.status`, `42`},
		{`row.note > "a" ? 1 : 2`, `2`},
	} {
		got, err := json(t, c.text)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s gives %s, want an error", c.text, got)
			}
			continue
		}
		if got != c.want || err != nil {
			t.Errorf("%s gives %s, %v, want %s", c.text, got, err, c.want)
		}
	}
}

func holds(t testing.TB, text string, s expr.Shape, in *expr.Input) (bool, error) {
	t.Helper()
	c, diags := rowOf(t, text, expr.Names{}).Condition(s)
	if diags.HasErrors() {
		return false, diags
	}
	return c.Holds(in)
}

func TestConditions(t *testing.T) {
	s := shapeOf(capture.Insert)
	in := change(capture.Insert, s.Table, nil, values())
	for text, want := range map[string]bool{
		`row.status == "paid"`: true, `row.status != "paid"`: false, `"paid" == row.status`: true, `row.status > "open"`: true, `row.status <= "paic"`: false,
		`row.total > 100`: true, `row.total == 120.5`: true, `row.total >= 120.51`: false, `120.5 < row.total`: false, `row.qty == 3.0`: true, `row.id != 42`: false,
		`row.total > row.qty`: true, `row.big == 9223372036854775807`: true, `row.big < 9223372036854775806`: false, `row.price < 1.6`: true, `row.price == 1.5`: true,
		`row.big > 9223372036854775806.5`: true, `row.total > -99999999999999999999`: true, `row.qty == 0.1 + 2.9`: true,
		`row.note == null`: true, `row.note != null`: false, `null == row.id`: false, `row.note == "x"`: false, `row.note != "x"`: true, `row.note > "a"`: false,
		`row.note <= "a"`: false, `null < row.id`: false, `row.note == row.note`: true, `row.note == row.status`: false, `row.note != row.status`: true,
		`row.paid`: true, `!row.paid`: false, `row.paid == true`: true, `row.paid == false`: false, `row.paid && row.note == null`: true, `row.paid || row.qty / (row.qty - 3) > 1`: true,
		`!(row.note > "a")`: true, `row.doc.t`: true, `row.doc.n == null`: true, `row.doc.none == null`: true, `row.doc.a != null`: true, `row.doc.s == "text"`: true,
		`row.doc.s == 5`: false, `row.doc.s != 5`: true, `row.doc.s > 5`: false, `row.doc.price == 1.5`: true, `row.doc.price > 1`: true, `row.doc.a.b[0] == 1`: true,
		`row.doc.n > 1`: false, `row.doc.n && true`: false, `!row.doc.n`: false, `row.doc.n || true`: true, `row.doc.n || row.doc.t`: true, `row.doc.n && row.doc.t`: false,
		`row.created_at > "2026-11-23T10:00:00Z"`: true, `row.created_at == "2026-11-23T11:00:00.5+01:00"`: true, `row.created_at < "2026-11-24"`: true,
		`"2026-11-22" < row.day`: true, `row.day == "2026-11-23"`: true, `row.created_at > row.local_at`: true, `row.local_at > "infinity"`: false, `tx.time == "2026-11-23 10:00:00"`: true,
		`row.day >= row.local_at`: false, `row.code == "ab"`: true, `row.code != "ab  "`: false, `row.code == "abc"`: false, `row.nan > 1000000`: true, `row.nan == row.nan`: true,
		`row.tags == ["red", "dark blue", null]`: true, `row.doc.a == { b = [1, 2.5, "x\ty"] }`: true, `row.doc.a.b == [1, 2]`: false, `row.prices[0] == 1.5`: true,
		`contains(row.tags, "red")`: true, `contains(row.prices, 1.5)`: true, `contains(["open", "paid"], row.status)`: true, `contains(row.tags, row.note)`: true,
		`op == "insert"`: true, `op != "update" && row.id == 42`: true, `old.status == null`: true, `old.status != "paid" && row.status == "paid"`: true, `old.total > 5`: false,
		`tx.annotations.user == "ann"`: true, `contains(tx.annotations.roles, "b")`: true, `row.addr.number == 12`: true, `row.meta.a == "1"`: true, `row.wait == "P1DT2H"`: true,
		`try(row.new, null) == null`: true, `try(row.new, row.status) == "paid"`: true, `can(row.new)`: false, `can(row.id)`: true, `can(tonumber(row.status))`: false,
		`try(tonumber(row.status), 5) == 5`: true, `can(regex("^p", row.status))`: true, `row.uid == "c4ca4238-a0b9-2382-0dcc-509a6f75849b"`: true, `row.id == 42 && row.empty_bool`: false,
		`row.paid ? row.qty > 2 : false`: true, `row["total-row"] == "x"`: true,
	} {
		if got, err := holds(t, text, s, in); got != want || err != nil {
			t.Errorf("%s: %t, %v", text, got, err)
		}
	}
}

func TestTexts(t *testing.T) {
	s := shapeOf(capture.Insert)
	in := change(capture.Insert, s.Table, nil, values())
	for _, c := range []struct{ text, want string }{
		{`row.id`, "42"},
		{`row.total`, "120.50"},
		{`row.paid`, "true"},
		{`row.created_at`, "2026-11-23T10:00:00.5Z"},
		{`row.day`, "2026-11-23"},
		{`row.bin`, "AP8="},
		{`"order:${row.id}"`, "order:42"},
		{`"${row.note}x"`, "∅"},
		{`row.note`, "∅"},
		{`"a ${row.status} ${row.total + 1} ${row.doc.a.b[1]}"`, "a paid 121.50 2.50"},
		{`"%{ if row.paid }yes%{ else }no%{ endif }"`, "yes"},
		{`"%{ for x in row.matrix }[${x[0]}]%{ endfor }"`, "[1][3]"},
		{`row.doc.s`, "text"},
		{`row.doc.a`, `{"b": [1, 2.50, "x\ty"]}`},
		{`tx.time`, "2026-11-23T10:00:00.000000Z"},
		{`tx.lsn`, "0/16B3748"},
		{`null`, "∅"},
		{`"constant"`, "constant"},
		{`row.paid ? row.status : "x"`, "paid"},
		{`row.price`, "1.5"},
		{`"${row.wait}"`, "P1DT2H"},
		{`row.prices[0]`, "1.50"},
		{`coalesce(row.note, row.status)`, "paid"},
		{`row.local_at`, "2026-11-23T10:00:00"},
	} {
		e, err := config.ParseTemplate("${" + c.text + "}")
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			continue // null
		}
		r, diags := expr.NewRow(e, expr.Names{})
		if diags.HasErrors() {
			t.Errorf("%s: %v", c.text, diags)
			continue
		}
		compiled, diags := r.Text(s)
		if diags.HasErrors() {
			t.Errorf("%s: %v", c.text, diags)
			continue
		}
		got, null, err := compiled.Append([]byte("-"), in)
		if null {
			got = append(got, "∅"...)
		}
		if string(got) != "-"+c.want || err != nil {
			t.Errorf("%s: %s, %v, want %s", c.text, got, err, c.want)
		}
		if constant, ok := compiled.Constant(); ok != (c.text == `"constant"`) || ok && constant != c.want {
			t.Errorf("%s: constant %q, %t", c.text, constant, ok)
		}
	}
}

// TestErrorsOfRows expects errors that only a row shows.
func TestErrorsOfRows(t *testing.T) {
	for text, want := range map[string]string{
		`row.id / (row.qty - 3)`: "division by zero", `row.price % (row.qty - 3)`: "division by zero", `tonumber(row.status)`: "this is not a number", `row.doc.s + 1`: "this is not a number",
		`row.doc.s ? 1 : 2`: "neither true nor false", `jsondecode(row.status)`: "not JSON", `regex("^x", row.status)`: "does not match", `{ (row.note) = 1 }`: "key of an object is null",
		`{ for x in row.matrix : "a" => x }`: "same key", `element(slice(row.tags, 0, 0), 0)`: "the list is empty", `[for x in row.doc.s : x]`: "neither a list nor an object",
		`lookup(row.meta, row.status)`: "no such key", `timeadd(row.created_at, row.status)`: "not a duration", `upper(row.doc.a)`: "not a text", `formatdate("YYYY", row.status)`: "not a time",
		`format("%d", row.total)`: "not an integer", `substr(row.status, 0.5, 1)`: "not an integer", `parseint(row.status, 10)`: "not an integer of that base",
	} {
		got, err := json(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v, want %q", text, got, err, want)
		}
	}
}

// A rule is compiled per operation: op is a constant, so what does not apply is not looked at.
func TestConstants(t *testing.T) {
	for _, c := range []struct {
		text  string
		op    capture.Op
		holds bool
	}{
		{`op == "insert"`, capture.Insert, true},
		{`op == "insert"`, capture.Update, false},
		{`op == "update" && old.status != "paid"`, capture.Insert, false},
		{`old.status != "paid" && op == "update"`, capture.Delete, false},
		{`op != "delete" || row.status == "x"`, capture.Insert, true},
		{`row.status == "x" || op == "delete"`, capture.Delete, true},
		{`row.id == 5.5`, capture.Insert, false},
		{`row.status == "a" && row.status == "b"`, capture.Insert, false},
		{`op == "truncate"`, capture.Truncate, true},
		{`op == "truncate" || row.id == 1`, capture.Truncate, true},
		{`op == "insert" && row.id == 1`, capture.Truncate, false},
		{`row.total > null`, capture.Insert, false},
		{`contains(["read", "insert"], op)`, capture.Read, true},
		{`op == "insert" ? true : old.status == "x"`, capture.Insert, true},
		{`old.total > 5`, capture.Read, false},
		{`table.name == "orders"`, capture.Update, true},
		{`!(op == "delete")`, capture.Delete, false},
	} {
		compiled, diags := rowOf(t, c.text, expr.Names{}).Condition(shapeOf(c.op))
		if diags.HasErrors() {
			t.Errorf("%s for %s: %v", c.text, c.op, diags)
			continue
		}
		if got, ok := compiled.Constant(); !ok || got != c.holds {
			t.Errorf("%s for %s: %t, constant %t", c.text, c.op, got, ok)
		}
	}
}

func TestRequires(t *testing.T) {
	for text, want := range map[string][]expr.Equality{
		`row.status == "paid"`:                    {{Column: at("status"), Text: "paid"}},
		`row.status == "paid" && row.id == 5.0`:   {{Column: at("status"), Text: "paid"}, {Column: at("id"), Text: "5"}},
		`row.paid && ("x" == row.uid)`:            {{Column: at("paid"), Text: "t"}, {Column: at("uid"), Text: "x"}},
		`!row.paid && row.total == 1`:             {{Column: at("paid"), Text: "f"}},
		`row.status == "a" || row.status == "b"`:  nil,
		`row.status != "a"`:                       nil,
		`row.code == "ab"`:                        nil, // char(n)
		`row.day == "2026-01-01"`:                 nil,
		`row.paid == false && row.status == null`: {{Column: at("paid"), Text: "f"}},
	} {
		c, diags := rowOf(t, text, expr.Names{}).Condition(shapeOf(capture.Insert))
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		got := c.Requires()
		if len(got) != len(want) {
			t.Errorf("%s: %v, want %v", text, got, want)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: %v, want %v", text, got, want)
			}
		}
	}
}

func TestColumnOfValue(t *testing.T) {
	for text, want := range map[string]int{`row.doc`: at("doc"), `(row.id)`: 0, `row.doc.a`: -1, `upper(row.status)`: -1, `try(row.doc, null)`: -1, `5`: -1} {
		v, diags := rowOf(t, text, expr.Names{}).Value(shapeOf(capture.Insert))
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if got, ok := v.Column(); ok != (want >= 0) || ok && got != want {
			t.Errorf("%s: %d, %t", text, got, ok)
		}
	}
}
