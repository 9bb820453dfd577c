package decode

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode/typecases"
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

func typeTable() (create, insert string) {
	var columns, values []string
	for _, c := range typecases.All {
		columns = append(columns, `"`+strings.ReplaceAll(c.SQL, `"`, `""`)+`" `+c.SQL)
		values = append(values, c.Value)
	}
	return "CREATE TABLE it.everything (" + strings.Join(columns, ", ") + ")",
		"INSERT INTO it.everything VALUES (" + strings.Join(values, ", ") + ")"
}

func testEveryType(t *testing.T, s *testenv.PostgresServer) {
	create, insert := typeTable()
	f := newFeed(t, s, "", nil, append(typecases.Setup, create)...)
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
	f.exec(append(typecases.Setup, create, insert)...)
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
	for i, c := range typecases.All {
		typ, v := rows[0].table.Columns[i].Type, rows[0].New[i]
		if kindName(typ) != c.Kind || typ.String() != c.Name {
			t.Errorf("%s: %s is %s, want %s: %s", c.SQL, typ, kindName(typ), c.Name, c.Kind)
		}
		if v.Kind != capture.Text || v.String() != c.Text {
			t.Errorf("%s: the value is %q, want %q", c.SQL, v, c.Text)
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
