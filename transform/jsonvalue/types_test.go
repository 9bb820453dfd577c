package jsonvalue_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

func of(k capture.TypeKind) *capture.Type { return &capture.Type{Kind: k} }

func arrayOf(elem *capture.Type) *capture.Type {
	return &capture.Type{Kind: capture.KindArray, Elem: elem, Delim: ','}
}

var (
	boxes   = &capture.Type{Kind: capture.KindArray, Elem: of(capture.KindText), Delim: ';'}
	address = &capture.Type{Kind: capture.KindComposite, Fields: []capture.Field{
		{Name: "no", Type: of(capture.KindInt)},
		{Name: `the "street"`, Type: of(capture.KindText)},
		{Name: "tags", Type: arrayOf(of(capture.KindText))},
	}}
	nested = &capture.Type{Kind: capture.KindComposite, Fields: []capture.Field{
		{Name: "a", Type: address}, {Name: "j", Type: of(capture.KindJSON)}, {Name: "h", Type: of(capture.KindHstore)},
	}}
	single = &capture.Type{Kind: capture.KindComposite, Fields: []capture.Field{{Name: "x", Type: of(capture.KindBool)}}}
	none   = &capture.Type{Kind: capture.KindComposite}
)

// values are texts as Postgres prints them, and their JSON.
var values = []struct {
	name       string
	typ        *capture.Type
	text, json string
}{
	{"text", of(capture.KindText), `plain`, `"plain"`},
	{"text", of(capture.KindText), ``, `""`},
	{"text", of(capture.KindText), "a\"b\\c/\n\r\t\b\f\x01\x1f\x7f", `"a\"b\\c/\n\r\t\b\f\u0001\u001f` + "\x7f" + `"`},
	{"text", of(capture.KindText), "Grüße, 世界 🚀 \u2028<&>", "\"Grüße, 世界 🚀 \u2028<&>\""},
	{"text", of(capture.KindText), "1234567\xff89\xc3", "\"1234567\ufffd89\ufffd\""},
	{"text", of(capture.KindText), "\xed\xa0\x80�", "\"\ufffd\ufffd\ufffd\ufffd\""},
	{"text", of(capture.KindText), `12345678"`, `"12345678\""`},
	{"date", of(capture.KindDate), `2026-11-23`, `"2026-11-23"`},
	{"date", of(capture.KindDate), `0044-03-15 BC`, `"0044-03-15 BC"`},
	{"date", of(capture.KindDate), `-infinity`, `"-infinity"`},
	{"bool", of(capture.KindBool), `t`, `true`},
	{"bool", of(capture.KindBool), `f`, `false`},
	{"bool", of(capture.KindBool), `x`, `"x"`},
	{"int", of(capture.KindInt), `-9223372036854775808`, `-9223372036854775808`},
	{"int", of(capture.KindInt), `0`, `0`},
	{"int", of(capture.KindInt), `007`, `"007"`},
	{"int", of(capture.KindInt), `+1`, `"+1"`},
	{"int", of(capture.KindInt), `-`, `"-"`},
	{"int", of(capture.KindInt), `1.5`, `"1.5"`},
	{"int", of(capture.KindInt), ``, `""`},
	{"float", of(capture.KindFloat), `1e+20`, `1e+20`},
	{"float", of(capture.KindFloat), `-1.5e-07`, `-1.5e-07`},
	{"float", of(capture.KindFloat), `-0`, `-0`},
	{"float", of(capture.KindFloat), `0.1`, `0.1`},
	{"float", of(capture.KindFloat), `NaN`, `"NaN"`},
	{"float", of(capture.KindFloat), `-Infinity`, `"-Infinity"`},
	{"float", of(capture.KindFloat), `.5`, `".5"`},
	{"float", of(capture.KindFloat), `5.`, `"5."`},
	{"float", of(capture.KindFloat), `1e`, `"1e"`},
	{"numeric", of(capture.KindNumeric), `0.10`, `"0.10"`},
	{"money", of(capture.KindMoney), `$1,234.56`, `"$1,234.56"`},
	{"bytes", of(capture.KindBytes), `\x`, `""`},
	{"bytes", of(capture.KindBytes), `\x00ff7f`, `"AP9/"`},
	{"bytes", of(capture.KindBytes), `\x00ff`, `"AP8="`},
	{"bytes", of(capture.KindBytes), `\xDEADBEEF`, `"3q2+7w=="`},
	{"bytes", of(capture.KindBytes), `\x0`, `"\\x0"`},
	{"bytes", of(capture.KindBytes), `\x0g`, `"\\x0g"`},
	{"bytes", of(capture.KindBytes), `\000`, `"\\000"`},
	{"json", of(capture.KindJSON), `{"a": 1, "b": [1.0, 1e400, "x\ny\u00e9\/"], "a": null}`, `{"a": 1, "b": [1.0, 1e400, "x\ny\u00e9\/"], "a": null}`},
	{"json", of(capture.KindJSON), "{\r\n\t\"é\" :\n[ ] ,\n\"b\":{ }\n}\n", "{  \t\"é\" : [ ] , \"b\":{ } } "},
	{"json", of(capture.KindJSON), ` -0.5 `, ` -0.5 `},
	{"json", of(capture.KindJSON), `nul`, `"nul"`},
	{"json", of(capture.KindJSON), `{"a":1,}`, `"{\"a\":1,}"`},
	{"json", of(capture.KindJSON), `{"a" 1}`, `"{\"a\" 1}"`},
	{"json", of(capture.KindJSON), `{1:1}`, `"{1:1}"`},
	{"json", of(capture.KindJSON), `[007]`, `"[007]"`},
	{"json", of(capture.KindJSON), `[1 2]`, `"[1 2]"`},
	{"json", of(capture.KindJSON), `[1] 2`, `"[1] 2"`},
	{"json", of(capture.KindJSON), "[\n", `"[\n"`},
	{"json", of(capture.KindJSON), `"\x"`, `"\"\\x\""`},
	{"json", of(capture.KindJSON), `"\u12g4"`, `"\"\\u12g4\""`},
	{"json", of(capture.KindJSON), `"a`, `"\"a"`},
	{"json", of(capture.KindJSON), "\"a\tb\"", `"\"a\tb\""`},
	{"json", of(capture.KindJSON), "\"\xff\"", "\"\\\"\ufffd\\\"\""},
	{"json", of(capture.KindJSON), ``, `""`},
	{"timestamp", of(capture.KindTimestamp), `2026-11-23 10:00:00`, `"2026-11-23T10:00:00"`},
	{"timestamp", of(capture.KindTimestamp), `2026-11-23 10:00:00.12`, `"2026-11-23T10:00:00.12"`},
	{"timestamp", of(capture.KindTimestamp), `0044-03-15 00:00:00 BC`, `"0044-03-15 00:00:00 BC"`},
	{"timestamp", of(capture.KindTimestamp), `294276-12-31 23:59:59.999999`, `"294276-12-31 23:59:59.999999"`},
	{"timestamp", of(capture.KindTimestamp), `infinity`, `"infinity"`},
	{"timestamptz", of(capture.KindTimestampTZ), `2026-11-23 10:00:00+00`, `"2026-11-23T10:00:00Z"`},
	{"timestamptz", of(capture.KindTimestampTZ), `2026-11-23 10:00:00.123456+00`, `"2026-11-23T10:00:00.123456Z"`},
	{"timestamptz", of(capture.KindTimestampTZ), `2026-11-23 10:00:00.+00`, `"2026-11-23 10:00:00.+00"`},
	{"timestamptz", of(capture.KindTimestampTZ), `0044-03-15 00:00:00+00 BC`, `"0044-03-15 00:00:00+00 BC"`},
	{"timestamptz", of(capture.KindTimestampTZ), `10000-01-01 00:00:00+00`, `"10000-01-01 00:00:00+00"`},
	{"timestamptz", of(capture.KindTimestampTZ), `-infinity`, `"-infinity"`},
	{"interval", of(capture.KindInterval), `1 year 2 mons 3 days 04:05:06.789`, `"P1Y2M3DT4H5M6.789S"`},
	{"interval", of(capture.KindInterval), `-1 years -2 mons +3 days -04:05:06`, `"P-1Y-2M3DT-4H-5M-6S"`},
	{"interval", of(capture.KindInterval), `1 mon -1 days +00:00:00.000001`, `"P1M-1DT0.000001S"`},
	{"interval", of(capture.KindInterval), `00:00:00`, `"PT0S"`},
	{"interval", of(capture.KindInterval), `-00:00:00.5`, `"PT-0.5S"`},
	{"interval", of(capture.KindInterval), `2562047788:00:54.775807`, `"PT2562047788H54.775807S"`},
	{"interval", of(capture.KindInterval), `3 days`, `"P3D"`},
	{"interval", of(capture.KindInterval), `infinity`, `"infinity"`},
	{"interval", of(capture.KindInterval), `P1D`, `"P1D"`},
	{"interval", of(capture.KindInterval), `00:00:00.0`, `"00:00:00.0"`},
	{"interval", of(capture.KindInterval), `1 week`, `"1 week"`},
	{"interval", of(capture.KindInterval), `04:05`, `"04:05"`},
	{"interval", of(capture.KindInterval), `04:05:06:07`, `"04:05:06:07"`},
	{"interval", of(capture.KindInterval), `04:05:06 1 day`, `"04:05:06 1 day"`},
	{"interval", of(capture.KindInterval), ``, `""`},
	{"hstore", of(capture.KindHstore), `"a"=>"1", "b\"\\"=>NULL, ""=>"x, \"y\"=>"`, `{"a":"1","b\"\\":null,"":"x, \"y\"=>"}`},
	{"hstore", of(capture.KindHstore), ``, `{}`},
	{"hstore", of(capture.KindHstore), `"a"=>1`, `"\"a\"=>1"`},
	{"hstore", of(capture.KindHstore), `"a"=>"1" "b"=>"2"`, `"\"a\"=>\"1\" \"b\"=>\"2\""`},
	{"hstore", of(capture.KindHstore), `"a"`, `"\"a\""`},
	{"int[]", arrayOf(of(capture.KindInt)), `{}`, `[]`},
	{"int[]", arrayOf(of(capture.KindInt)), `{1,NULL,-3}`, `[1,null,-3]`},
	{"int[]", arrayOf(of(capture.KindInt)), `{{1,2},{3,NULL}}`, `[[1,2],[3,null]]`},
	{"int[]", arrayOf(of(capture.KindInt)), `[2:4]={1,2,3}`, `[1,2,3]`},
	{"int[]", arrayOf(of(capture.KindInt)), `[-1:0][5:5]={{1},{2}}`, `[[1],[2]]`},
	{"int[]", arrayOf(of(capture.KindInt)), `{1`, `"{1"`},
	{"int[]", arrayOf(of(capture.KindInt)), `{1,}`, `"{1,}"`},
	{"int[]", arrayOf(of(capture.KindInt)), `{1}}`, `"{1}}"`},
	{"int[]", arrayOf(of(capture.KindInt)), `1 2 3`, `"1 2 3"`},
	{"int[]", arrayOf(of(capture.KindInt)), `{{{{{{{1}}}}}}}`, `"{{{{{{{1}}}}}}}"`},
	{"int[]", arrayOf(of(capture.KindInt)), ``, `""`},
	{"text[]", arrayOf(of(capture.KindText)), `{a,"","NULL",NULL,"a b","q\"\\","{},"}`, `["a","","NULL",null,"a b","q\"\\","{},"]`},
	{"text[]", arrayOf(of(capture.KindText)), `{"a`, `"{\"a"`},
	{"text[]", arrayOf(of(capture.KindText)), `{"a"b}`, `"{\"a\"b}"`},
	{"text[]", arrayOf(of(capture.KindText)), `{"a""b"}`, `"{\"a\"\"b\"}"`},
	{"text[]", arrayOf(of(capture.KindText)), `{"a\`, `"{\"a\\"`},
	{"numeric[]", arrayOf(of(capture.KindNumeric)), `{1.0,NaN}`, `["1.0","NaN"]`},
	{"bytea[]", arrayOf(of(capture.KindBytes)), `{"\\x00ff",NULL}`, `["AP8=",null]`},
	{"timestamptz[]", arrayOf(of(capture.KindTimestampTZ)), `{"2026-11-23 10:00:00+00",infinity}`, `["2026-11-23T10:00:00Z","infinity"]`},
	{"json[]", arrayOf(of(capture.KindJSON)), `{"{\"a\": \"\\\\\"}",1,"\"x\""}`, `[{"a": "\\"},1,"x"]`},
	{"box[]", boxes, `{(1,1),(0,0);(2,2),(1,1)}`, `["(1,1),(0,0)","(2,2),(1,1)"]`},
	{"composite", address, `(1,"a ""b"" \\","{x,""y z""}")`, `{"no":1,"the \"street\"":"a \"b\" \\","tags":["x","y z"]}`},
	{"composite", address, `(,"",)`, `{"no":null,"the \"street\"":"","tags":null}`},
	{"composite", address, `(1,2)`, `"(1,2)"`},
	{"composite", address, `(1,2,{},4)`, `"(1,2,{},4)"`},
	{"composite", address, `(1,2,{}`, `"(1,2,{}"`},
	{"composite", address, `(1,"2,{})`, `"(1,\"2,{})"`},
	{"composite", address, `(1,2,x)`, `{"no":1,"the \"street\"":"2","tags":"x"}`},
	{"composite", single, `()`, `{"x":null}`},
	{"composite", single, `(t)`, `{"x":true}`},
	{"composite", none, `()`, `{}`},
	{"composite", none, ``, `""`},
	{
		"composites in each other", nested,
		`("(1,""a """"b"""" \\\\"",""{x}"")","{""k"": ""v""}","""a""=>""1""")`,
		`{"a":{"no":1,"the \"street\"":"a \"b\" \\","tags":["x"]},"j":{"k": "v"},"h":{"a":"1"}}`,
	},
	{
		"composite[]", arrayOf(address), `{"(1,\"a \"\"b\"\"\",\"{\"\"x y\"\",z}\")",NULL}`,
		`[{"no":1,"the \"street\"":"a \"b\"","tags":["x y","z"]},null]`,
	},
}

func TestValues(t *testing.T) {
	types := jsonvalue.New(false)
	for _, v := range values {
		t.Run(v.name+" "+v.text, func(t *testing.T) {
			got := string(types.Appender(v.typ)([]byte("head "), []byte(v.text)))
			if got != "head "+v.json {
				t.Errorf("%s %q:\n got %s\nwant head %s", v.name, v.text, got, v.json)
			}
			if !json.Valid([]byte(v.json)) {
				t.Errorf("what is wanted is not JSON: %s", v.json)
			}
		})
	}
}

func TestNumericAsNumber(t *testing.T) {
	types := jsonvalue.New(true)
	for text, want := range map[string]string{
		"1234567890123456789.10": "1234567890123456789.10", "-0.5": "-0.5", "NaN": `"NaN"`, "-Infinity": `"-Infinity"`,
	} {
		if got := string(types.Appender(of(capture.KindNumeric))(nil, []byte(text))); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if got := string(types.Appender(arrayOf(of(capture.KindNumeric)))(nil, []byte("{"+text+"}"))); got != "["+want+"]" {
			t.Errorf("{%s}: %s, want [%s]", text, got, want)
		}
	}
}

// Go's decoder rejects documents that nest deeper than 10,000 levels; so would a consumer.
func TestDeepDocuments(t *testing.T) {
	for depth, embedded := range map[int]bool{9_000: true, 10_000: false, 1_000_000: false} {
		text := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		got := jsonvalue.AppendDocument(nil, []byte(text))
		if !json.Valid(got) || (got[0] == '[') != embedded {
			t.Errorf("depth %d: valid %v, begins with %c", depth, json.Valid(got), got[0])
		}
	}
}

// Values larger than a chunk of the conversion, with each remainder.
func TestLargeBytes(t *testing.T) {
	for n := 765; n < 1540; n++ {
		raw := make([]byte, n)
		for i := range raw {
			raw[i] = byte(i * 7)
		}
		hexed := []byte(`\x`)
		for _, c := range raw {
			hexed = append(hexed, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
		want, err := json.Marshal(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := jsonvalue.New(false).Appender(of(capture.KindBytes))(nil, hexed); string(got) != string(want) {
			t.Fatalf("%d bytes: got %s, want %s", n, got, want)
		}
	}
}
