package postgres

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestTypes(t *testing.T) {
	onVersions(t,
		testEveryType,
		testTypesOfNewTable,
		testDroppedType,
	)
}

// kindName prints what a type is made of.
func kindName(t *capture.Type) string {
	names := map[capture.TypeKind]string{
		capture.KindText: "text", capture.KindBool: "bool", capture.KindInt: "int", capture.KindFloat: "float",
		capture.KindNumeric: "numeric", capture.KindMoney: "money", capture.KindBytes: "bytes",
		capture.KindJSON: "json", capture.KindDate: "date", capture.KindTimestamp: "timestamp",
		capture.KindTimestampTZ: "timestamptz", capture.KindInterval: "interval", capture.KindHstore: "hstore",
	}
	switch t.Kind {
	case capture.KindArray:
		return "[" + string(t.Delim) + "]" + kindName(t.Elem)
	case capture.KindComposite:
		var fields []string
		for _, f := range t.Fields {
			fields = append(fields, f.Name+" "+kindName(f.Type))
		}
		return "(" + strings.Join(fields, ", ") + ")"
	}
	return names[t.Kind]
}

// Each case is a column type, the SQL of a value, what the type is, and the text that the stream carries.
var typeCases = []struct{ sql, value, kind, name, text string }{
	{"boolean", "true", "bool", "bool", "t"},
	{"smallint", "-1", "int", "int2", "-1"},
	{"integer", "1", "int", "int4", "1"},
	{"bigint", "9223372036854775807", "int", "int8", "9223372036854775807"},
	{"oid", "4294967295", "text", "oid", "4294967295"},
	{"real", "'NaN'", "float", "float4", "NaN"},
	{"double precision", "0.1", "float", "float8", "0.1"},
	{"numeric(30,3)", "123456789012345678901234567.1", "numeric", "numeric", "123456789012345678901234567.100"},
	{"money", "12.5", "money", "money", "$12.50"},
	{"text", "''", "text", "text", ""},
	{"varchar(10)", "'a'", "text", "varchar", "a"},
	{"char(3)", "'a'", "text", "bpchar", "a  "},
	{`"char"`, "'x'", "text", "char", "x"},
	{"name", "'n'", "text", "name", "n"},
	{"bytea", `'\x00ff'`, "bytes", "bytea", `\x00ff`},
	{"json", `'{"a": 1}'`, "json", "json", `{"a": 1}`},
	{"jsonb", `'{"a":1}'`, "json", "jsonb", `{"a": 1}`},
	{"jsonpath", "'$.a'", "text", "jsonpath", `$."a"`},
	{"date", "'infinity'", "date", "date", "infinity"},
	{"time", "'12:00'", "text", "time", "12:00:00"},
	{"timetz", "'12:00+02'", "text", "timetz", "12:00:00+02"},
	{"timestamp", "'2026-01-02 03:04:05.6'", "timestamp", "timestamp", "2026-01-02 03:04:05.6"},
	{"timestamptz", "'2026-01-02 03:04:05Z'", "timestamptz", "timestamptz", "2026-01-02 03:04:05+00"},
	{"interval", "'1 day 2 hours'", "interval", "interval", "1 day 02:00:00"},
	{"uuid", "'6ecd8c99-4036-403d-bf84-cf8400f67836'", "text", "uuid", "6ecd8c99-4036-403d-bf84-cf8400f67836"},
	{"inet", "'10.0.0.1/8'", "text", "inet", "10.0.0.1/8"},
	{"macaddr", "'08:00:2b:01:02:03'", "text", "macaddr", "08:00:2b:01:02:03"},
	{"bit varying(5)", "'101'", "text", "varbit", "101"},
	{"xml", "'<a/>'", "text", "xml", "<a/>"},
	{"tsvector", "'b a'", "text", "tsvector", "'a' 'b'"},
	{"point", "'(1,2)'", "text", "point", "(1,2)"},
	{"pg_lsn", "'0/1'", "text", "pg_lsn", "0/1"},
	{"regclass", "'pg_catalog.pg_class'", "text", "regclass", "pg_class"},
	{"int2vector", "'1 2'", "text", "int2vector", "1 2"},
	{"oidvector", "'1 2'", "text", "oidvector", "1 2"},
	{"int4range", "'[1,3)'", "text", "int4range", "[1,3)"},
	{"nummultirange", "'{[1,3)}'", "text", "nummultirange", "{[1,3)}"},
	{"int[]", "'{{1,2},{3,NULL}}'", "[,]int", "_int4", "{{1,2},{3,NULL}}"},
	{"numeric(5,1)[]", "'{1}'", "[,]numeric", "_numeric", "{1.0}"},
	{"box[]", "'{(1,1),(0,0);(2,2),(1,1)}'", "[;]text", "_box", "{(1,1),(0,0);(2,2),(1,1)}"},
	{"int4range[]", `'{"[1,2)"}'`, "[,]text", "_int4range", `{"[1,2)"}`},
	{"it.mood", "'so so'", "text", "it.mood", "so so"},
	{"it.mood[]", `'{"so so"}'`, "[,]text", "it._mood", `{"so so"}`},
	{"it.span", "'[1.5,2.5]'", "text", "it.span", "[1.5,2.5]"},
	{"it.euro", "5", "numeric", "it.euro", "5"},
	{"it.price", "5", "numeric", "it.price", "5"},
	{"it.euro[]", "'{5}'", "[,]numeric", "it._euro", "{5}"},
	{"it.tags", "'{a}'", "[,]text", "it.tags", "{a}"},
	{"it.tags[]", `array['{a,b}'::it.tags]`, "[,][,]text", "it._tags", `{"{a,b}"}`},
	{"it.boxes", "'{(1,1),(0,0)}'", "[;]text", "it.boxes", "{(1,1),(0,0)}"},
	{"it.address", `('a "b"',7)`, "(street text, no. int)", "it.address", `("a ""b""",7)`},
	{"it.address[]", "array[('a',7)::it.address]", "[,](street text, no. int)", "it._address", `{"(a,7)"}`},
	{"it.home", "('a',7)", "(street text, no. int)", "it.home", "(a,7)"},
	{
		"it.customer", "(1,array[('a',7)::it.address],null,'{}',null)",
		"(id int, addresses [,](street text, no. int), at timestamptz, euros [,]numeric, home (street text, no. int))",
		"it.customer", `(1,"{""(a,7)""}",,{},)`,
	},
	{"it.row_type", "(1,'x')", "(a int, b text)", "it.row_type", "(1,x)"},
	{"ext.hstore", `'a=>1,b=>NULL'`, "hstore", "ext.hstore", `"a"=>"1", "b"=>NULL`},
	{"ext.hstore[]", `array['a=>1'::ext.hstore]`, "[,]hstore", "ext._hstore", `{"\"a\"=>\"1\""}`},
	{"it.settings", `'a=>1'`, "hstore", "it.settings", `"a"=>"1"`},
	{"it.hstore", "'a'", "text", "it.hstore", "a"},
	{"ext.citext", "'Ab'", "text", "ext.citext", "Ab"},
}

var typeSetup = []string{
	"CREATE SCHEMA it", "CREATE SCHEMA ext", "CREATE EXTENSION hstore SCHEMA ext", "CREATE EXTENSION citext SCHEMA ext",
	"CREATE TYPE it.mood AS ENUM ('happy', 'so so')",
	"CREATE TYPE it.span AS RANGE (subtype = numeric)",
	"CREATE DOMAIN it.euro AS numeric CHECK (VALUE >= 0)", "CREATE DOMAIN it.price AS it.euro NOT NULL",
	"CREATE DOMAIN it.tags AS text[]", "CREATE DOMAIN it.boxes AS box[]",
	`CREATE TYPE it.address AS (street text, gone int, "no." int)`,
	"ALTER TYPE it.address DROP ATTRIBUTE gone",
	"CREATE DOMAIN it.home AS it.address",
	"CREATE TYPE it.customer AS (id bigint, addresses it.address[], at timestamptz, euros it.euro[], home it.home)",
	"CREATE TABLE it.row_type (a int, b text)",
	"CREATE DOMAIN it.settings AS ext.hstore",
	"CREATE TYPE it.hstore AS ENUM ('a')", // not the extension's, whatever its name
}

func typeTable() (create, insert string) {
	var columns, values []string
	for _, c := range typeCases {
		columns = append(columns, `"`+strings.ReplaceAll(c.sql, `"`, `""`)+`" `+c.sql)
		values = append(values, c.value)
	}
	return "CREATE TABLE it.everything (" + strings.Join(columns, ", ") + ")",
		"INSERT INTO it.everything VALUES (" + strings.Join(values, ", ") + ")"
}

func testEveryType(t *testing.T, s *testenv.PostgresServer) {
	create, insert := typeTable()
	f := newFeed(t, s, "", nil, append(typeSetup, create)...)
	f.exec(insert)
	checkTypes(t, f.rows())
	if f.queries > 1 { // for the table
		t.Errorf("preload left %d queries", f.queries)
	}
}

// A table that appears in mid stream brings its types, by one query.
func testTypesOfNewTable(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil)
	create, insert := typeTable()
	f.exec(append(typeSetup, create, insert)...)
	checkTypes(t, f.rows())
	if f.queries != 1 {
		t.Errorf("%d queries", f.queries)
	}
}

func checkTypes(t *testing.T, rows []feedRow) {
	t.Helper()
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, c := range typeCases {
		typ, v := rows[0].table.Columns[i].Type, rows[0].New[i]
		if kindName(typ) != c.kind || typ.String() != c.name {
			t.Errorf("%s: %s is %s, want %s: %s", c.sql, typ, kindName(typ), c.name, c.kind)
		}
		if v.Kind != capture.Text || v.String() != c.text {
			t.Errorf("%s: the value is %q, want %q", c.sql, v, c.text)
		}
	}
}

// A type that is gone when its rows are read is what the stream calls it: an enum by its name, a domain by its base's.
func testDroppedType(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil)
	f.exec("CREATE TYPE mood AS ENUM ('happy')", "CREATE DOMAIN amount AS int CHECK (VALUE > 0)",
		"CREATE TABLE t (id int PRIMARY KEY, m mood, d date, a amount)",
		"INSERT INTO t VALUES (1, 'happy', '2026-01-01', 5)", "DROP TABLE t", "DROP TYPE mood", "DROP DOMAIN amount")
	rows := f.rows()
	want := "public.t(id int4!, m public.mood?, d date?, a int4?) key id"
	if len(rows) != 1 || shape(rows[0].table) != want || rows[0].New[1].String() != "happy" {
		t.Fatalf("%v", rows)
	}
	for i, want := range []capture.TypeKind{capture.KindInt, capture.KindText, capture.KindDate, capture.KindInt} {
		if c := rows[0].table.Columns[i]; c.Type.Kind != want {
			t.Errorf("%s is of kind %d", c.Name, c.Type.Kind)
		}
	}
}
