package decode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestInline(t *testing.T) {
	onVersions(t, testInlineTypes, testInlineValues, testInlineAfterDDL)
}

// inlineTypes are types, whether their values are always in their row, and their largest value.
var inlineTypes = []struct {
	sql    string
	inline bool
	value  string
}{
	{"bool", true, "true"},
	{"int8", true, "1"},
	{"float8", true, "1"},
	{"money", true, "1"},
	{"uuid", true, "gen_random_uuid()"},
	{"timestamptz", true, "now()"},
	{"interval", true, "'1 year'"},
	{"name", true, "repeat('x', 63)"},
	{"box", true, "'(1,1),(2,2)'"},
	{"macaddr8", true, "'08:00:2b:01:02:03:04:05'"},
	{"mood", true, "'a'"},
	{"positive", true, "1"},
	{"code", true, "repeat('😀', 5)"},
	{"subcode", true, "repeat('😀', 5)"},
	{"varchar(5)", true, "repeat('😀', 5)"},
	{"char(5)", true, "repeat('😀', 5)"},
	{"numeric(32)", true, "repeat('9', 32)::numeric"},
	{"numeric(30,2)", true, "(repeat('9', 28) || '.99')::numeric"},
	{"numeric(24,3)", true, "(repeat('9', 21) || '.999')::numeric"},
	{"bit(128)", true, "repeat('1', 128)::bit(128)"},
	{"varbit(128)", true, "repeat('1', 128)::varbit"},
	{"inet", true, "'2001:db8:1:2:3:4:5:6/127'"},
	{"cidr", true, "'2001:db8:1:2:3:4:5:6/128'"},
	{"int4range", true, "'[1,2000000000)'"},
	{"daterange", true, "'[2026-01-01,2026-02-01)'"},

	{"text", false, "repeat('x', 30)"},
	{"varchar", false, "repeat('x', 30)"},
	{"varchar(6)", false, "repeat('😀', 6)"},
	{"bpchar", false, "repeat('x', 30)"},
	{"numeric", false, "1"},
	{"numeric(33)", false, "1"},
	{"bit(129)", false, "repeat('1', 129)::bit(129)"},
	{"bytea", false, `'\x00'`},
	{"json", false, "'{}'"},
	{"jsonb", false, "'{}'"},
	{"int4[]", false, "'{1}'"},
	{"int8range", false, "'[1,2)'"},
	{"pair", false, "'(1,x)'"},
	{"note", false, "'x'"},
}

var inlineSetup = []string{
	"CREATE TYPE mood AS ENUM ('a', 'b')", "CREATE TYPE pair AS (a int, b text)", "CREATE DOMAIN positive AS int CHECK (value > 0)",
	"CREATE DOMAIN code AS varchar(5)", "CREATE DOMAIN subcode AS code", "CREATE DOMAIN note AS text",
}

func testInlineTypes(t *testing.T, s *testenv.PostgresServer) {
	var columns, values []string
	for i, c := range inlineTypes {
		columns, values = append(columns, fmt.Sprintf("c%d %s", i, c.sql)), append(values, c.value)
	}
	f := newFeed(t, s, "", nil, inlineSetup...)
	f.exec("CREATE TABLE t (" + strings.Join(columns, ", ") + ")")
	table := f.only("INSERT INTO t VALUES (" + strings.Join(values, ", ") + ")")
	for i, c := range inlineTypes {
		if got := table.Columns[i].Inline; got != c.inline {
			t.Errorf("%s: inline %v, want %v", c.sql, got, c.inline)
		}
	}
}

// A row that is too long by far moves out what can be moved. An update of another column sends everything that is said to be always in
// the row.
func testInlineValues(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil, inlineSetup...)
	columns, values := []string{"id int PRIMARY KEY"}, []string{"1"}
	var types []string
	for i, c := range inlineTypes {
		if !c.inline {
			continue
		}
		for n := range 8 {
			columns, values = append(columns, fmt.Sprintf("c%d_%d %s", i, n, c.sql)), append(values, c.value)
			types = append(types, c.sql)
		}
	}
	columns, values = append(columns, "moved text"), append(values, "repeat('x', 40)")
	f.exec("CREATE TABLE t (" + strings.Join(columns, ", ") + ") WITH (toast_tuple_target = 128)")
	f.exec("ALTER TABLE t ALTER moved SET STORAGE EXTERNAL")
	f.exec("INSERT INTO t VALUES ("+strings.Join(values, ", ")+")", "UPDATE t SET id = 2")
	rows := f.rows()
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	update := rows[1].New
	for i, typ := range types {
		if update[i+1].Kind != capture.Text {
			t.Errorf("%s: an update does not send it: kind %d", typ, update[i+1].Kind)
		}
	}
	if last := update[len(update)-1]; last.Kind != capture.Unchanged {
		t.Errorf("the row has not been moved out at all: %q", last)
	}
}

// What an older shape of a table was is told by its message, and a storage that was set says nothing about the rows before it.
func testInlineAfterDDL(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil, "CREATE TABLE t (id int PRIMARY KEY, v text)", "ALTER TABLE t ALTER v SET STORAGE EXTERNAL")
	f.exec("INSERT INTO t VALUES (1, repeat('x', 10000))", "ALTER TABLE t ALTER v SET STORAGE PLAIN", "UPDATE t SET id = 2",
		"ALTER TABLE t ALTER v TYPE varchar(5) USING left(v, 5)", "INSERT INTO t VALUES (3, 'x')", "ALTER TABLE t ALTER v TYPE text", "INSERT INTO t VALUES (4, 'x')")
	rows := f.rows()
	if len(rows) != 4 {
		t.Fatalf("%d rows", len(rows))
	}
	if rows[1].New[1].Kind != capture.Unchanged {
		t.Errorf("the value that was moved out before PLAIN comes as %q", rows[1].New[1])
	}
	for i, want := range []bool{false, false, true, false} {
		if got := rows[i].table.Columns[1].Inline; got != want {
			t.Errorf("row %d, v is %s[%d]: inline %v, want %v", i, rows[i].table.Columns[1].Type, rows[i].table.Columns[1].Modifier, got, want)
		}
	}
}

func TestLongest(t *testing.T) {
	for _, c := range []struct{ precision, scale, want int }{
		{1, 0, 6}, {4, 0, 6}, {5, 0, 8}, {12, 2, 12}, {12, 12, 10}, {32, 0, 20}, {30, 2, 20}, {3, 5, 8}, {3, -2, 8},
	} {
		if got := longestNumeric(c.precision, c.scale); got != c.want {
			t.Errorf("numeric(%d,%d) has at most %d bytes, want %d", c.precision, c.scale, got, c.want)
		}
	}
}
