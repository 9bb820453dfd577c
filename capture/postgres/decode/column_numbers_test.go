package decode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestNumbers(t *testing.T) {
	onVersions(t,
		testNumbers,
		testQuietBacklog,
		testBurst,
		testAlteredTypes,
	)
}

// numbersCase is DDL between rows of a table t (id int PRIMARY KEY, a text, b text): the statements, each a transaction, and the numbers of
// each row's columns. ? stands for a column of which nothing is known.
type numbersCase struct {
	name       string
	statements []string
	want       string // where the rows are read after all of it
	watched    string // where the catalogue was read after each statement; "": the same
	behind     string // where it was read only after all of it; "": the same as where it was also read before
}

const first = "INSERT INTO t (id) VALUES (1)"

var numbersCases = []numbersCase{
	{name: "nothing", statements: []string{first, "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b 3, id 1 a 2 b 3"},
	{name: "add", statements: []string{first, "ALTER TABLE t ADD c int DEFAULT 7", "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b 3, id 1 a 2 b 3 c 4"},
	{name: "drop", statements: []string{first, "ALTER TABLE t DROP a", "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b 3, id 1 b 3"},
	{name: "rename", statements: []string{first, "ALTER TABLE t RENAME a TO c", "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b 3, id 1 c 2 b 3"},
	{name: "swap", statements: []string{first, "ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME c TO b", "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b 3, id 1 b 2 a 3"},
	{name: "another type and back", statements: []string{first, "ALTER TABLE t ALTER a TYPE varchar(9)", "INSERT INTO t (id) VALUES (2)", "ALTER TABLE t ALTER a TYPE text", "INSERT INTO t (id) VALUES (3)"}, want: "id 1 a 2 b 3, id 1 a 2 b 3, id 1 a 2 b 3"},
	{name: "drop and add again", statements: []string{first, "ALTER TABLE t DROP b, ADD b text", "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b ?, id 1 a 2 b ?", watched: "id 1 a 2 b 3, id 1 a 2 b 4"},
	{name: "drop and add again, of another type", statements: []string{first, "ALTER TABLE t DROP b, ADD b int", "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b 3, id 1 a 2 b ?", watched: "id 1 a 2 b 3, id 1 a 2 b 4"},
	{name: "drop and add another", statements: []string{first, "ALTER TABLE t DROP b, ADD c text", "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b 3, id 1 a 2 c ?", watched: "id 1 a 2 b 3, id 1 a 2 c 4"},
	{name: "drop the first and add another", statements: []string{first, "ALTER TABLE t DROP a, ADD c text", "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b 3, id 1 b 3 c 4"},
	{name: "drop and rename over it", statements: []string{first, "ALTER TABLE t DROP a", "ALTER TABLE t RENAME b TO a", "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b 3, id 1 a 3", behind: "id 1 a 2 b 3, id 1 a ?"},
	{name: "expand and contract", statements: []string{first, "ALTER TABLE t ADD w int; UPDATE t SET w = 5; ALTER TABLE t DROP b; ALTER TABLE t RENAME w TO b", "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b 3, id 1 a 2 b 3 w 4, id 1 a 2 b 4"},
	{name: "expand and contract in steps", statements: []string{first, "ALTER TABLE t ADD w text", "UPDATE t SET w = b", "ALTER TABLE t DROP b", "ALTER TABLE t RENAME w TO b", "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b ?, id 1 a 2 b 3 w 4, id 1 a 2 b ?", watched: "id 1 a 2 b 3, id 1 a 2 b 3 w 4, id 1 a 2 b 4"},
	{name: "in one transaction", statements: []string{first + "; ALTER TABLE t ADD c int; INSERT INTO t (id) VALUES (2); ALTER TABLE t DROP a; INSERT INTO t (id) VALUES (3)"}, want: "id 1 a 2 b 3, id 1 a 2 b 3 c 4, id 1 b 3 c 4"},
	{name: "a drop before a rename in one transaction", statements: []string{first + "; ALTER TABLE t DROP a; INSERT INTO t (id) VALUES (2); ALTER TABLE t RENAME b TO d; INSERT INTO t (id) VALUES (3)"}, want: "id 1 a 2 b 3, id 1 b 3, id 1 d 3", behind: "id 1 a 2 b 3, id 1 b ?, id 1 d ?"},
	{name: "drop and add again in the row's transaction", statements: []string{first + "; ALTER TABLE t DROP b, ADD b text; INSERT INTO t (id) VALUES (2)", "INSERT INTO t (id) VALUES (3)"}, want: "id 1 a 2 b ?, id 1 a 2 b ?, id 1 a 2 b 4"},
	{name: "in subtransactions", statements: []string{"BEGIN; " + first + "; SAVEPOINT s; ALTER TABLE t ADD c int; RELEASE s; INSERT INTO t (id) VALUES (2); SAVEPOINT s; ALTER TABLE t DROP a; ROLLBACK TO s; INSERT INTO t (id) VALUES (3); COMMIT"}, want: "id 1 a 2 b 3, id 1 a 2 b 3 c 4, id 1 a 2 b 3 c 4"},
	{name: "generated", statements: []string{first, "ALTER TABLE t DROP a, ADD g int GENERATED ALWAYS AS (id * 2) STORED, ADD c int", "INSERT INTO t (id) VALUES (2)"}, want: "id 1 a 2 b 3, id 1 b 3 c 5"},
	{name: "a new table", statements: []string{"DROP TABLE t; CREATE TABLE t (x int, id int PRIMARY KEY, y int); ALTER TABLE t DROP x; " + first + "; ALTER TABLE t RENAME y TO z; INSERT INTO t (id) VALUES (2)"}, want: "id 2 y 3, id 2 z 3"},
	{name: "gone", statements: []string{first, "ALTER TABLE t RENAME a TO c", "INSERT INTO t (id) VALUES (2)", "DROP TABLE t"}, want: "id 0 a 0 b 0, id 0 c 0 b 0", watched: "id 1 a 2 b 3, id 1 c 2 b 3"},
}

// Whenever the catalogue is read, columns have the numbers that they had when the row was written, or none.
func testNumbers(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil)
	for i, c := range numbersCases {
		for _, how := range []string{"read on", "behind", "watched"} {
			schema := fmt.Sprintf("%s%d", how[:4], i)
			f.exec("CREATE SCHEMA "+pgconnect.Ident(schema), "CREATE TABLE "+pgconnect.Ident(schema)+".t (id int PRIMARY KEY, a text, b text)")
			f.connect()
			for _, statement := range c.statements {
				f.exec("SET search_path = " + pgconnect.Ident(schema) + "; " + statement)
				if how == "watched" {
					f.refresh()
				}
			}
			want := c.want
			switch {
			case how == "behind":
				f.read.forget()
				f.connect()
				if c.behind != "" {
					want = c.behind
				}
			case how == "watched" && c.watched != "":
				want = c.watched
			}
			var rows []string
			for _, row := range f.rows() {
				var columns []string
				for _, column := range row.table.Columns {
					n := fmt.Sprint(column.Number)
					if column.Unsure {
						n = "?"
					}
					columns = append(columns, column.Name+" "+n)
				}
				rows = append(rows, strings.Join(columns, " "))
			}
			if got := strings.Join(rows, ", "); got != want {
				t.Errorf("%s, %s:\ngot  %s\nwant %s", c.name, how, got, want)
			}
		}
	}
}

// A backlog of tables that were not altered since it began causes no catalogue queries, and its columns are certain.
func testQuietBacklog(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil, "CREATE TABLE a (id int PRIMARY KEY, x int)", "CREATE TABLE b (id int)", "ALTER TABLE a DROP x, ADD x int")
	f.exec("INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1)", "INSERT INTO a VALUES (2)")
	f.read.forget()
	f.connect()
	for _, row := range f.rows() {
		if columns := row.table.Columns; columns[0].Number != 1 || len(columns) > 1 && columns[1].Number != 3 {
			t.Errorf("%+v", columns)
		}
	}
	if f.queries > 0 {
		t.Errorf("%d queries", f.queries)
	}
}

// Many tables in one transaction cost few queries.
func testBurst(t *testing.T, s *testenv.PostgresServer) {
	var setup, inserts []string
	for i := range 50 {
		setup = append(setup, fmt.Sprintf("CREATE TABLE t%d (id int PRIMARY KEY)", i))
		inserts = append(inserts, fmt.Sprintf("INSERT INTO t%d VALUES (1)", i))
	}
	f := newFeed(t, s, "", nil, strings.Join(setup, ";"))
	f.burst.pause = 1 << 40
	f.exec(inserts...)
	if rows := f.rows(); len(rows) != 50 || f.queries > burstRun+1 {
		t.Errorf("%d rows with %d queries", len(rows), f.queries)
	}
}

// The stream does not say that a type was altered: the watch sees it, and the next transaction has another table.
func testAlteredTypes(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil, "CREATE TYPE pair AS (a int, b int)", "CREATE TYPE mood AS ENUM ('x')", "CREATE DOMAIN small AS int",
		"CREATE TYPE outside AS (p pair)", "CREATE TABLE t (id int PRIMARY KEY, p pair, m mood, s small, q outside[])", "CREATE TABLE u (id int PRIMARY KEY)")
	last := f.only("INSERT INTO t VALUES (1)")
	other := f.only("INSERT INTO u VALUES (1)")
	for _, c := range []struct{ alter, want string }{
		{"ALTER TYPE pair RENAME ATTRIBUTE a TO c", "(c int, b int) [x] [] [,](p (c int, b int))"},
		{"ALTER TYPE pair ADD ATTRIBUTE d int", "(c int, b int, d int) [x] [] [,](p (c int, b int, d int))"},
		{"ALTER TYPE pair DROP ATTRIBUTE b", "(c int, d int) [x] [] [,](p (c int, d int))"},
		{"ALTER TYPE mood ADD VALUE 'y'", "(c int, d int) [x y] [] [,](p (c int, d int))"},
		{"ALTER TYPE mood RENAME VALUE 'x' TO 'z'", "(c int, d int) [z y] [] [,](p (c int, d int))"},
		{"ALTER DOMAIN small ADD CHECK (VALUE > 0)", "(c int, d int) [z y] [CHECK ((VALUE > 0))] [,](p (c int, d int))"},
	} {
		f.exec(c.alter)
		altered, err := f.typeWatch.compare(t.Context(), f.conn)
		if err != nil || !altered {
			t.Fatalf("%s: altered %v, %v", c.alter, altered, err)
		}
		if err := f.begin(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		table := f.live[last.OID]
		columns := table.Columns
		got := fmt.Sprint(kindName(columns[1].Type), " ", columns[2].Type.User.Labels, " ", columns[3].Type.User.Checks, " ", kindName(columns[4].Type))
		if table == last || got != c.want || f.live[other.OID] != other {
			t.Errorf("%s: the same %v, %v, got %s\nwant %s", c.alter, table == last, f.live[other.OID] == other, got, c.want)
		}
		if altered, err := f.typeWatch.compare(t.Context(), f.conn); err != nil || altered || f.typeWatch.stale() {
			t.Errorf("%s: altered again: %v, %v", c.alter, altered, err)
		}
		last = table
	}
	f.exec("ALTER TYPE pair RENAME ATTRIBUTE c TO e") // seen when the table is described again, too
	if got := kindName(f.only("INSERT INTO t VALUES (2)").Columns[1].Type); got != "(e int, d int)" {
		t.Error(got)
	}
}
