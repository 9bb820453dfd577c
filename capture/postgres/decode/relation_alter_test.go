package decode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

func TestAltered(t *testing.T) {
	onVersions(t,
		testAlteredBeforeRead,
		testOnePointerAShape,
		testDroppedTable,
		testAlteredComposite,
		testAlteredEnum,
	)
}

// Rows that were written before a change and are read after it have the previous shape, and later rows have the new one.
func testAlteredBeforeRead(t *testing.T, s *testenv.PostgresServer) {
	cases := []struct{ name, create, insert, alter, again, before, after string }{
		{
			"add", "(id int PRIMARY KEY)", "1", "ALTER TABLE t ADD x text NOT NULL DEFAULT ''", "2",
			"public.t(id int4!) key id", "public.t(id int4!, x text) key id",
		},
		{
			"drop", "(x text, id int PRIMARY KEY)", "'a', 1", "ALTER TABLE t DROP x", "2",
			"public.t(x text?, id int4!) key id", "public.t(id int4!) key id",
		},
		{
			"rename column", "(x text NOT NULL, id int PRIMARY KEY)", "'a', 1", "ALTER TABLE t RENAME x TO y", "'b', 2",
			"public.t(x text, id int4!) key id", "public.t(y text, id int4!) key id",
		},
		{
			"rename key", "(id int PRIMARY KEY)", "1", "ALTER TABLE t RENAME id TO ident", "2",
			"public.t(id int4!) key id", "public.t(ident int4!) key ident",
		},
		{
			"retype", "(id int PRIMARY KEY, x varchar(3))", "1, 'a'", "ALTER TABLE t ALTER x TYPE bytea USING x::bytea",
			"2, 'b'", "public.t(id int4!, x varchar[7]?) key id", "public.t(id int4!, x bytea?) key id",
		},
		{
			"modifier", "(id int PRIMARY KEY, x varchar(3))", "1, 'a'", "ALTER TABLE t ALTER x TYPE varchar(5)",
			"2, 'b'", "public.t(id int4!, x varchar[7]?) key id", "public.t(id int4!, x varchar[9]?) key id",
		},
		{
			"another key", "(a int PRIMARY KEY, b int NOT NULL)", "1, 1",
			"ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (b)", "2, 2",
			"public.t(a int4!, b int4) key a", "public.t(a int4, b int4!) key b",
		},
		{
			"no more key", "(a int PRIMARY KEY)", "1", "ALTER TABLE t DROP CONSTRAINT t_pkey", "2",
			"public.t(a int4!) key a", "public.t(a int4) key",
		},
		{
			"a key for full", "(a int, b int); ALTER TABLE t REPLICA IDENTITY FULL", "1, 1",
			"ALTER TABLE t ADD PRIMARY KEY (b)", "2, 2", "public.t(a int4?!, b int4!) key b", "public.t(a int4?!, b int4!) key b",
		},
		{
			"identity", "(a int PRIMARY KEY, b int)", "1, 1", "ALTER TABLE t REPLICA IDENTITY FULL", "2, 2",
			"public.t(a int4!, b int4?) key a", "public.t(a int4!, b int4?!) key a",
		},
		{"schema", "(a int PRIMARY KEY)", "1", "CREATE SCHEMA s; ALTER TABLE t SET SCHEMA s; " +
			"CREATE VIEW t AS SELECT * FROM s.t", "2", "public.t(a int4!) key a", "s.t(a int4!) key a"},
		{
			"dropped and created again", "(a int PRIMARY KEY, x text)", "1",
			"DROP TABLE t; CREATE TABLE t (b text PRIMARY KEY)", "2", "public.t(a int4!, x text?) key a", "public.t(b text!) key b",
		},
	}
	f := newFeed(t, s, "publish = 'insert'", nil)
	for i, c := range cases {
		schema := fmt.Sprintf("case%d", i)
		f.exec("CREATE SCHEMA " + schema)
		for _, statement := range []string{
			"CREATE TABLE t " + c.create, "INSERT INTO t VALUES (" + c.insert + ")",
			c.alter, "INSERT INTO t VALUES (" + c.again + ")",
		} {
			f.exec("SET search_path = " + schema + "; " + statement)
		}
		rows := f.rows()
		if len(rows) != 2 {
			t.Errorf("%s: %d rows", c.name, len(rows))
			continue
		}
		if got := strings.Replace(shape(rows[0].table), schema, "public", 1); got != c.before {
			t.Errorf("%s, before:\ngot  %s\nwant %s", c.name, got, c.before)
		}
		if got := strings.Replace(shape(rows[1].table), schema, "public", 1); got != c.after {
			t.Errorf("%s, after:\ngot  %s\nwant %s", c.name, got, c.after)
		}
	}
}

// One shape has one pointer, whatever makes the server describe the table again and over connections; a new shape has a
// new one, and the old table stays as it was.
func testOnePointerAShape(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil, "CREATE TYPE mood AS ENUM ('happy')",
		"CREATE TABLE t (id int PRIMARY KEY, m mood[], x text)", "CREATE TABLE u (id int PRIMARY KEY)")
	insert := "INSERT INTO t (id) SELECT coalesce(max(id), 0) + 1 FROM t"
	first := f.only(insert)
	old := shape(first)
	for _, same := range []string{
		"ANALYZE t", "ALTER TABLE t SET (fillfactor = 50)", "CREATE TYPE other AS ENUM ('sad')",
		"CREATE INDEX ON t (x)", "INSERT INTO u VALUES (1)",
	} {
		f.exec(same)
		f.rows()
		if f.only(insert) != first {
			t.Errorf("a new pointer after %s", same)
		}
	}
	f.connect()
	if f.live[first.OID] != nil {
		t.Error("a new connection knows a table that it has not described")
	}
	if f.only(insert) != first {
		t.Error("a new pointer after a new connection")
	}
	last := first
	for _, c := range []struct {
		alter string
		other bool
	}{
		{"ALTER TABLE t ALTER x TYPE varchar(5)", true},
		{"ALTER TABLE t ADD CHECK (id > 0)", false},
		{"ALTER TABLE t ALTER x SET DEFAULT 'a'", true}, // which may have come with the column
		{"ALTER TABLE t ALTER x SET DEFAULT 'b'", false},
		{"UPDATE t SET x = id", false},
		{"ALTER TABLE t ALTER x SET NOT NULL", true},
		{"ALTER TABLE t ALTER m TYPE text", true},
		{"ALTER TABLE t REPLICA IDENTITY FULL", true},
	} {
		f.exec(c.alter)
		f.refresh()
		f.rows()
		table := f.only(insert)
		if (table != last) != c.other || shape(table) != shape(last) && !c.other {
			t.Errorf("after %s: another pointer %v, from %s to %s", c.alter, table != last, shape(last), shape(table))
		}
		last = table
	}
	if shape(first) != old {
		t.Errorf("the first table has become %s", shape(first))
	}
}

// A table that is gone keeps the key that it was last known by.
func testDroppedTable(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil, "CREATE TABLE t (a int, b int, PRIMARY KEY (b, a))",
		"ALTER TABLE t REPLICA IDENTITY FULL")
	f.exec("INSERT INTO t VALUES (1, 1)", "CREATE TABLE u (a int PRIMARY KEY)", "INSERT INTO u VALUES (1)",
		"DROP TABLE t, u")
	var got []string
	for _, row := range f.rows() {
		got = append(got, shape(row.table))
	}
	if len(got) != 2 || got[0] != "public.t(a int4!, b int4!) key b a" || got[1] != "public.u(a int4!) key a" {
		t.Errorf("%q", got)
	}
}

// A label that an enum has got is seen by the next connection: rows may have it, and so the shape is a new one.
func testAlteredEnum(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil, "CREATE TYPE mood AS ENUM ('b')", "CREATE TABLE t (m mood[])")
	first := f.only("INSERT INTO t VALUES ('{b}')")
	f.exec("ALTER TYPE mood ADD VALUE 'a' BEFORE 'b'")
	f.connect()
	second := f.only("INSERT INTO t VALUES ('{a}')")
	was, is := first.Columns[0].Type.Elem.User.Labels, second.Columns[0].Type.Elem.User.Labels
	if !slices.Equal(was, []string{"b"}) || !slices.Equal(is, []string{"a", "b"}) {
		t.Errorf("%q, then %q", was, is)
	}
}

// A composite type that has got an attribute is seen by the next connection.
func testAlteredComposite(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil, "CREATE TYPE pair AS (a int, b int)", "CREATE TABLE t (id int PRIMARY KEY, p pair)")
	first := f.only("INSERT INTO t VALUES (1, (1, 2))")
	f.exec("ALTER TYPE pair ADD ATTRIBUTE c int")
	f.connect()
	second := f.only("INSERT INTO t VALUES (2, (1, 2, 3))")
	if first == second || kindName(first.Columns[1].Type) != "(a int, b int)" ||
		kindName(second.Columns[1].Type) != "(a int, b int, c int)" {
		t.Errorf("%s, then %s", kindName(first.Columns[1].Type), kindName(second.Columns[1].Type))
	}
}
