package decode

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/testenv"
)

func TestRelations(t *testing.T) {
	onVersions(t,
		testShapes,
		testQueries,
		testPartitions,
		testPublishedGeneratedColumns,
		testHostileSearchPath,
		testInvisibleCommit,
		testInvisibleCommitGoesOn,
	)
}

// The key, the identity and which columns may be null, for every replica identity and for names of all sorts.
func testShapes(t *testing.T, s *testenv.PostgresServer) {
	long := strings.Repeat("é", 31) + "x" // 63 bytes, the most that a name may have
	keys := map[string][]string{"public.filed": {"c", "a"}, "public.misfiled": {"no", "a"}}
	cases := []struct{ create, insert, want string }{
		{
			"CREATE TABLE plain (id bigint PRIMARY KEY, n numeric(12,2), v varchar(5) NOT NULL)",
			"INSERT INTO plain VALUES (1, 1, 'a')",
			"public.plain(id int8!, n numeric[786438]?, v varchar[9]) key id",
		},
		{
			"CREATE TABLE two (a int, b int, c int, PRIMARY KEY (c, a) INCLUDE (b))", "INSERT INTO two VALUES (1, 2, 3)",
			"public.two(a int4!, b int4?, c int4!) key c a",
		},
		{
			"CREATE TABLE without (a int, b int NOT NULL)", "INSERT INTO without VALUES (1, 2)",
			"public.without(a int4?, b int4) key",
		},
		{
			"CREATE TABLE late (a int PRIMARY KEY DEFERRABLE, b int)", "INSERT INTO late VALUES (1, 2)",
			"public.late(a int4, b int4?) key a",
		},
		{
			"CREATE TABLE full_ (a int, b int, PRIMARY KEY (b, a)); ALTER TABLE full_ REPLICA IDENTITY FULL",
			"INSERT INTO full_ VALUES (1, 2)", "public.full_(a int4!, b int4!) key b a",
		},
		{
			"CREATE TABLE full_without (a int); ALTER TABLE full_without REPLICA IDENTITY FULL",
			"INSERT INTO full_without VALUES (1)", "public.full_without(a int4?!) key",
		},
		{
			"CREATE TABLE idx (a int PRIMARY KEY, u uuid NOT NULL UNIQUE);" +
				"ALTER TABLE idx REPLICA IDENTITY USING INDEX idx_u_key",
			"INSERT INTO idx VALUES (1, '6ecd8c99-4036-403d-bf84-cf8400f67836')",
			"public.idx(a int4, u uuid!) key a",
		},
		{
			"CREATE TABLE nothing (a int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING",
			"INSERT INTO nothing VALUES (1)", "public.nothing(a int4) key a",
		},
		{
			"CREATE TABLE filed (a int PRIMARY KEY, b int, c int)", "INSERT INTO filed VALUES (1, 2, 3)",
			"public.filed(a int4!, b int4?, c int4?) key c a",
		},
		{
			"CREATE TABLE misfiled (a int PRIMARY KEY)", "INSERT INTO misfiled VALUES (1)",
			"public.misfiled(a int4!) key a",
		},
		{
			`CREATE SCHEMA "Sch.ema"; CREATE TABLE "Sch.ema"."Order ""Notes"" 📦"` +
				`("ID.x" int PRIMARY KEY, "sélect" int)`,
			`INSERT INTO "Sch.ema"."Order ""Notes"" 📦" VALUES (1, 2)`,
			`Sch.ema.Order "Notes" 📦(ID.x int4!, sélect int4?) key ID.x`,
		},
		{
			"CREATE TABLE " + long + " (" + long + " int PRIMARY KEY)", "INSERT INTO " + long + " VALUES (1)",
			"public." + long + "(" + long + " int4!) key " + long,
		},
		{
			"CREATE TABLE made (a int PRIMARY KEY, twice int GENERATED ALWAYS AS (a * 2) STORED, c int)",
			"INSERT INTO made VALUES (1, DEFAULT, 3)", "public.made(a int4!, c int4?) key a",
		},
		{
			"CREATE TABLE made_key (a int, twice int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY)",
			"INSERT INTO made_key VALUES (1)", "public.made_key(a int4?) key",
		},
		{"CREATE TABLE zero ()", "INSERT INTO zero DEFAULT VALUES", "public.zero() key"},
	}
	var setup []string
	for _, c := range cases {
		setup = append(setup, c.create)
	}
	f := newFeed(t, s, "publish = 'insert'", keys, setup...)
	for _, c := range cases {
		if got := shape(f.only(c.insert)); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.create, got, c.want)
		}
	}
}

// What preload has read serves tables with the default identity without a query; the other identities do not show a
// change of the key, so they are read when the stream comes to them.
func testQueries(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil, "CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int)",
		"CREATE TABLE c (id int PRIMARY KEY)", "ALTER TABLE c REPLICA IDENTITY FULL", "CREATE TABLE d (id int)")
	for i, c := range []struct {
		statement string
		want      int
	}{
		{"INSERT INTO a VALUES (1)", 1}, // it may have changed since the connection began
		{"INSERT INTO b VALUES (1)", 2},
		{"INSERT INTO c VALUES (1)", 3},
		{"INSERT INTO a VALUES (2)", 4}, // described again: something may have changed
		{"ALTER TABLE d ADD PRIMARY KEY (id)", 4},
		{"INSERT INTO d VALUES (1)", 5},
	} {
		f.exec(c.statement)
		if f.rows(); f.queries != c.want {
			t.Errorf("%d. %s: %d queries, want %d", i, c.statement, f.queries, c.want)
		}
	}
}

func testPartitions(t *testing.T, s *testenv.PostgresServer) {
	setup := []string{
		"CREATE TABLE root (id int, day date, PRIMARY KEY (day, id)) PARTITION BY RANGE (day)",
		"CREATE TABLE mid PARTITION OF root FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (id)",
		"CREATE TABLE leaf (day date, id int, PRIMARY KEY (day, id))", // its columns in an order of its own
		"ALTER TABLE mid ATTACH PARTITION leaf FOR VALUES IN (1)",
	}
	for option, want := range map[string]string{
		"publish_via_partition_root = true":  "public.root(id int4!, day date!) key day id",
		"publish_via_partition_root = false": "public.leaf(day date!, id int4!) key day id",
	} {
		f := newFeed(t, s, option, nil, setup...)
		if got := shape(f.only("INSERT INTO root VALUES (1, '2026-05-05')")); got != want || f.queries > 2 {
			t.Errorf("%s:\ngot  %s with %d queries\nwant %s", option, got, f.queries, want)
		}
	}
}

// From 18 on a publication can carry stored generated columns.
func testPublishedGeneratedColumns(t *testing.T, s *testenv.PostgresServer) {
	if s.Version < 18 {
		return
	}
	f := newFeed(t, s, "publish_generated_columns = stored", nil,
		"CREATE TABLE made (a int, twice int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY)")
	got, want := shape(f.only("INSERT INTO made VALUES (1)")), "public.made(a int4?, twice int4!) key twice"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A schema that precedes pg_catalog in the search_path replaces nothing.
func testHostileSearchPath(t *testing.T, s *testenv.PostgresServer) {
	setup := []string{"CREATE TABLE a (id int PRIMARY KEY, n numeric)", "CREATE SCHEMA evil"}
	for _, name := range []string{
		"pg_class", "pg_type", "pg_index", "pg_attribute", "pg_namespace", "pg_depend",
		"pg_extension", "pg_locks",
	} {
		setup = append(setup, "CREATE TABLE evil."+name+" ()")
	}
	setup = append(setup,
		"CREATE FUNCTION evil.pg_get_publication_tables(text) RETURNS TABLE (relid oid) LANGUAGE sql AS 'SELECT 0::oid'",
		"CREATE FUNCTION evil.unnest(oid[]) RETURNS SETOF oid LANGUAGE sql AS 'SELECT 0::oid'",
		"CREATE DOMAIN evil.oid AS text", "CREATE DOMAIN evil.regproc AS text", "CREATE DOMAIN evil.xid AS text")
	f := newFeed(t, s, "", nil, setup...)
	if _, err := f.conn.Exec(t.Context(), "SET search_path = evil, pg_catalog, public"); err != nil {
		t.Fatal(err)
	}
	f.connect()
	for i := range 2 { // by a query for the table, and by one for all
		f.exec(fmt.Sprintf("INSERT INTO public.a VALUES (%d)", i))
		if i == 1 {
			if err := f.compare(t.Context(), f.conn, 0); err != nil {
				t.Fatal(err)
			}
		}
		rows := f.rows()
		want := "public.a(id int4!, n numeric?) key id"
		if len(rows) != 1 || shape(rows[0].table) != want || f.queries != 1 {
			t.Errorf("%v with %d queries, want %s with 1", rows, f.queries, want)
		}
	}
}

// demandStandby makes every commit wait for a standby that does not exist. The server takes the setting over some time
// after the reload, so commits are tried until one waits.
func demandStandby(t *testing.T, s *testenv.PostgresServer) {
	t.Helper()
	s.Exec(t, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
	for waits := false; !waits; {
		conn, err := pgx.Connect(t.Context(), s.URL())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err = conn.Exec(ctx, "SELECT pg_logical_emit_message(true, '', '')")
		waits = err != nil
		cancel()
		_ = conn.Close(t.Context())
	}
}

// A commit that waits for a synchronous standby is in the stream and not yet in the catalogue: the table that it made is
// waited for.
func testInvisibleCommit(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil)
	f.wait = time.Hour
	demandStandby(t, s)
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		// Not a composite type: the server itself waits for the lock on that.
		f.exec("CREATE DOMAIN tags AS text[]; CREATE TABLE t (a int, b tags, c int, PRIMARY KEY (c, a));" +
			"INSERT INTO t VALUES (1, '{x}', 3)")
	}()
	f.await("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
	if got := s.Query(t, f.db, "SELECT to_regclass('t')"); got != "" {
		t.Fatal("the commit is visible")
	}
	go func() {
		f.await(fmt.Sprintf("SELECT query LIKE '%%pg_locks%%' FROM pg_stat_activity WHERE pid = %d", f.conn.PgConn().PID()))
		s.Exec(t, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
	}()
	rows := f.rows()
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	got, want := shape(rows[0].table), "public.t(a int4!, b public.tags?, c int4!) key c a"
	if kind := kindName(rows[0].table.Columns[1].Type); got != want || kind != "[,]text" {
		t.Errorf("got  %s, %s\nwant %s", got, kind, want)
	}
	<-committed
}

// A commit that does not become visible delays the stream only for a bounded time: we may be the standby that it waits for.
func testInvisibleCommitGoesOn(t *testing.T, s *testenv.PostgresServer) {
	f := newFeed(t, s, "", nil)
	f.wait = 10 * time.Millisecond
	demandStandby(t, s)
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		f.exec("CREATE TABLE t (a int, b int, PRIMARY KEY (b, a)); INSERT INTO t VALUES (1, 2)")
	}()
	f.await("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
	rows := f.rows()
	if want := "public.t(a int4!, b int4!) key a b"; len(rows) != 1 || shape(rows[0].table) != want {
		t.Errorf("%v", rows)
	}
	s.Exec(t, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
	<-committed
}
