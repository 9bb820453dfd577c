package postgres

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestReduced(t *testing.T) {
	sideBySide(t, testColumnsOfDaemon, testRowsOfDaemon, testSameAsServer, testReducedRestart, testReducedTree, testReducedOfOthers,
		testWhereChecked, testDaemonIsTheWayOut)
}

// reducedConfig is testConfig with table blocks as a file has them.
func reducedConfig(t *testing.T, s *testenv.PostgresServer, db, blocks string) Config {
	t.Helper()
	set, report := load(t, fmt.Sprintf("url = %q\ntables = [\"public.*\"]\n%s", s.URL(db), blocks))
	if set == nil {
		t.Fatal(report)
	}
	made, err := set.Config("orders")
	if err != nil {
		t.Fatal(err)
	}
	c := testConfig(s, db)
	c.Options, c.Filters = made.Options, made.Filters
	return c
}

// describeBoth describes a change with both rows, and everything that its values keep alive.
func describeBoth(c *capture.Change) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", c.Op, c.Table.Name)
	for _, row := range []struct {
		name   string
		values []capture.Value
	}{{"old", c.Before}, {"new", c.After}} {
		if row.values == nil {
			continue
		}
		fmt.Fprintf(&b, " %s", row.name)
		for i, v := range row.values {
			switch v.Kind {
			case capture.Text:
				fmt.Fprintf(&b, " %s=%s", c.Table.Columns[i].Name, v)
			case capture.Null:
				fmt.Fprintf(&b, " %s null", c.Table.Columns[i].Name)
			case capture.Unchanged:
				fmt.Fprintf(&b, " %s unchanged", c.Table.Columns[i].Name)
			}
		}
	}
	return b.String()
}

func openReduced(t *testing.T, c Config) *tap {
	p := newTap(t, c)
	p.show = describeBoth
	p.open()
	return p
}

// membersOf returns the tables of the publication with their column lists and filters.
func membersOf(t *testing.T, s *testenv.PostgresServer, db string) string {
	t.Helper()
	return s.Query(t, db, `SELECT coalesce(string_agg(concat_ws(' ', prrelid::regclass, prattrs::text, prqual::text), ', ' ORDER BY 1), '')
		FROM pg_publication_rel`)
}

func testColumnsOfDaemon(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE d (secret text, id int PRIMARY KEY, large text, v text)`, `ALTER TABLE d ALTER large SET STORAGE EXTERNAL`,
		`CREATE TABLE f (secret text, id int, v text)`, `ALTER TABLE f REPLICA IDENTITY FULL`,
		`INSERT INTO d VALUES ('canary', 1, repeat('l', 9000), 'one')`, `INSERT INTO f VALUES ('canary', 1, 'one')`)
	c := reducedConfig(t, s, db, `
		table "public.d" {
			columns = ["id", "v"]
			enforce = "daemon"
		}
		table "public.f" {
			columns = ["id", "v"]
			enforce = "daemon"
		}`)
	p := openReduced(t, c)
	want := []string{"read d new id=1 v=one", "read f new id=1 v=one"}
	p.expect(want...)
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	if got := membersOf(t, s, db); got != "d, f" {
		t.Errorf("the publication has %s", got)
	}
	s.ExecIn(t, db, `INSERT INTO d VALUES ('canary', 2, repeat('canary', 9000), NULL)`, `UPDATE d SET secret = 'canary2'`,
		`UPDATE d SET id = 3, v = 'three' WHERE id = 2`, `DELETE FROM d WHERE id = 3`, `TRUNCATE d`,
		`UPDATE f SET v = 'uno', secret = 'canary3'`, `DELETE FROM f`)
	p.expect(append(want, "insert d new id=2 v null", "update d new id=1 v=one", "update d new id=2 v null",
		"update d old id=2 new id=3 v=three", "delete d old id=3", "truncate d",
		"update f old id=1 v=one new id=1 v=uno", "delete f old id=1 v=uno")...)
	p.close()
	for _, b := range p.cuts {
		if b.Bytes > 8000 {
			t.Errorf("a batch counts %d bytes: what is dropped is kept", b.Bytes)
		}
	}
}

func testRowsOfDaemon(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE f (id int PRIMARY KEY, region text, v text)`, `ALTER TABLE f REPLICA IDENTITY FULL`,
		`CREATE TABLE k (id int, region text, v text, PRIMARY KEY (region, id))`,
		`INSERT INTO f VALUES (1, 'EU', 'a'), (2, 'US', 'canary'), (3, NULL, 'canary')`, `INSERT INTO k VALUES (1, 'EU', 'a'), (2, 'US', 'canary')`)
	c := reducedConfig(t, s, db, `
		table "public.f" {
			columns = ["id", "v"]
			where   = row.region == "EU"
			enforce = "daemon"
		}
		table "public.k" {
			where   = row.region == "EU"
			enforce = "daemon"
		}`)
	p := openReduced(t, c)
	want := []string{"read f new id=1 v=a", "read k new id=1 region=EU v=a"}
	p.expect(want...)
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	s.ExecIn(t, db,
		`UPDATE f SET v = 'canary' WHERE id = 2`, `UPDATE f SET region = 'EU', v = 'b' WHERE id = 2`, `UPDATE f SET v = 'c' WHERE id = 2`,
		`UPDATE f SET region = NULL, v = 'canary' WHERE id = 2`, `INSERT INTO f VALUES (4, 'US', 'canary'), (5, 'EU', 'd')`,
		`DELETE FROM f WHERE id IN (2, 5)`, `TRUNCATE f`,
		`UPDATE k SET v = 'canary' WHERE id = 2`, `UPDATE k SET v = 'b' WHERE id = 1`, `UPDATE k SET region = 'EU', v = 'c' WHERE id = 2`,
		`UPDATE k SET id = 7 WHERE id = 2`, `UPDATE k SET region = 'US', v = 'canary' WHERE id = 7`, `DELETE FROM k`)
	p.expect(append(want, "insert f new id=2 v=b", "update f old id=2 v=b new id=2 v=c", "delete f old id=2 v=c", "insert f new id=5 v=d",
		"delete f old id=5 v=d", "truncate f", "update k new id=1 region=EU v=b", "insert k new id=2 region=EU v=c",
		"update k old id=2 region=EU new id=7 region=EU v=c", "delete k old id=7 region=EU", "delete k old id=1 region=EU")...)
}

// The same changes are delivered by a filter of the server and by one of the daemon.
func testSameAsServer(t *testing.T, s *testenv.PostgresServer) {
	const rounds, rows = 60, 6
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE f (id int PRIMARY KEY, n int, v text, large text)`, `ALTER TABLE f REPLICA IDENTITY FULL`,
		`ALTER TABLE f ALTER large SET STORAGE EXTERNAL`,
		`CREATE TABLE k (a int, b int, v text, PRIMARY KEY (a, b))`)
	blocks := func(enforce, f, k string) string {
		return fmt.Sprintf("table \"public.f\" {\nwhere = %s\nenforce = %q\n}\ntable \"public.k\" {\nwhere = %s\ncolumns = [\"a\", \"b\"]\nenforce = %q\n}",
			f, enforce, k, enforce)
	}
	server := reducedConfig(t, s, db, blocks("server", `"n > 3 AND v IS DISTINCT FROM 'x' OR length(large) > 5000"`, `"a % 2 = 0"`))
	daemon := reducedConfig(t, s, db, blocks("daemon", `row.n > 3 && row.v != "x" || strlen(row.large) > 5000`, `row.a % 2 == 0`))
	server.Slot, server.Publication = "tailrace_server_"+db, "tailrace_server"
	taps := []*tap{openReduced(t, server), openReduced(t, daemon)}
	for _, p := range taps {
		p.wait("the lasting slot", func() bool { return p.streams == 2 })
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	for range rounds {
		id, n, v := random.IntN(rows), pick("NULL", "1", "3", "4", "9"), pick("NULL", "'x'", "'y'", "''")
		large := pick("NULL", "repeat('l', 4000)", "repeat('m', 6000)")
		s.ExecIn(t, db, pick(
			fmt.Sprintf("INSERT INTO f VALUES (%d, %s, %s, %s) ON CONFLICT DO NOTHING", id, n, v, large),
			fmt.Sprintf("UPDATE f SET n = %s WHERE id = %d", n, id), fmt.Sprintf("UPDATE f SET v = %s, large = %s WHERE id = %d", v, large, id),
			fmt.Sprintf("UPDATE f SET n = %s WHERE id <> %d", n, id), fmt.Sprintf("DELETE FROM f WHERE id = %d", id),
			fmt.Sprintf("INSERT INTO k VALUES (%d, %d, %s) ON CONFLICT DO NOTHING", id, random.IntN(2), v),
			fmt.Sprintf("UPDATE k SET a = a + 1 + %d WHERE a = %d", rows, id), fmt.Sprintf("UPDATE k SET v = %s", v),
			fmt.Sprintf("UPDATE k SET b = b + 2 WHERE a = %d", id), fmt.Sprintf("DELETE FROM k WHERE a = %d", id)))
	}
	s.ExecIn(t, db, "TRUNCATE f", "TRUNCATE k")
	for _, p := range taps {
		p.wait("the end", func() bool { return len(p.changes) > 0 && p.changes[len(p.changes)-1] == "truncate k" })
		p.close()
	}
	if a, b := taps[0].changes, taps[1].changes; !slices.Equal(a, b) {
		t.Errorf("seed %d: the server's filter gives\n%s\nthe daemon's\n%s", seed, strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}

// A position inside a transaction counts the rows that are not delivered, so that another filter gives no change another place.
func testReducedRestart(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE f (id int PRIMARY KEY, v text)`)
	block := func(where string) string {
		return fmt.Sprintf("table \"public.f\" {\nwhere = %s\nenforce = \"daemon\"\n}", where)
	}
	place := func(c *capture.Change) string { return fmt.Sprintf("%d %s", c.Seq, describeBoth(c)) }
	p := newTap(t, reducedConfig(t, s, db, block("row.id % 2 == 0")))
	p.show = place
	p.open()
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	p.setHoard(true)
	s.ExecIn(t, db, `INSERT INTO f SELECT g, 'v' FROM generate_series(1, 4) g`)
	want := []string{"1 insert f new id=2 v=v", "3 insert f new id=4 v=v"}
	p.expect(want...)
	p.close()
	again := newTap(t, reducedConfig(t, s, db, block("row.id > 2")))
	again.show = place
	again.open()
	again.expect("2 insert f new id=3 v=v", "3 insert f new id=4 v=v")
}

func testReducedTree(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE tree (id int, secret text, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id)`,
		`CREATE TABLE low PARTITION OF tree FOR VALUES FROM (0) TO (10)`,
		`CREATE TABLE high (v text, id int NOT NULL, secret text)`, `ALTER TABLE tree ATTACH PARTITION high FOR VALUES FROM (10) TO (20)`,
		`INSERT INTO tree VALUES (1, 'canary', 'a'), (12, 'canary', 'b'), (15, 'canary', 'canary')`)
	p := openReduced(t, reducedConfig(t, s, db, `
		table "public.tree" {
			columns = ["id", "v"]
			where   = row.id < 15
			enforce = "daemon"
		}`))
	want := []string{"read tree new id=1 v=a", "read tree new id=12 v=b"}
	p.expect(want...)
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	s.ExecIn(t, db, `UPDATE tree SET v = 'c' WHERE id = 12`, `UPDATE tree SET id = 16, v = 'canary' WHERE id = 1`,
		`UPDATE tree SET id = 13 WHERE id = 12`, `DELETE FROM tree`)
	p.expect(append(want, "update tree new id=12 v=c", "delete tree old id=1", "update tree old id=12 new id=13 v=c", "delete tree old id=13")...)
}

func testReducedOfOthers(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE d (id int PRIMARY KEY, secret text, v text)`, `CREATE PUBLICATION theirs FOR TABLE d`)
	c := reducedConfig(t, s, db, "table \"public.d\" {\ncolumns = [\"id\", \"v\"]\nwhere = row.id > 1\nenforce = \"daemon\"\n}")
	c.Manage, c.Publication = false, "theirs"
	p := openReduced(t, c)
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	s.ExecIn(t, db, `INSERT INTO d VALUES (1, 'canary', 'a'), (2, 'canary', 'b')`, `ALTER TABLE d ADD extra text`, `INSERT INTO d VALUES (3, 'canary', 'c', 'canary')`)
	p.expect("insert d new id=2 v=b", "insert d new id=3 v=c")
}

// A condition over what old rows lack is refused at its token.
func testWhereChecked(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE d (id int PRIMARY KEY, n int, v text)`)
	set, report := load(t, fmt.Sprintf("url = %q\ntable \"public.d\" {\nwhere = row.id > 1 && row.n > 3\nenforce = \"daemon\"\n}", s.URL(db)))
	if set == nil {
		t.Fatal(report)
	}
	diags, err := set.CheckRows(t.Context(), "orders")
	if err != nil || len(diags) != 1 || diags[0].Subject.Start.Line != 5 || diags[0].Subject.Start.Column != 23 ||
		!strings.Contains(diags[0].Summary, "row.n is not known") || !strings.Contains(diags[0].Detail, "carry id") || !strings.Contains(diags[0].Detail, "REPLICA IDENTITY FULL") {
		t.Errorf("problems %v, %v", diags, err)
	}
	s.ExecIn(t, db, `ALTER TABLE d REPLICA IDENTITY FULL`)
	if diags, err = set.CheckRows(t.Context(), "orders"); err != nil || len(diags) > 0 {
		t.Errorf("with FULL: %v, %v", diags, err)
	}
}

func testDaemonIsTheWayOut(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE f (id int PRIMARY KEY, n int)`, `ALTER TABLE f REPLICA IDENTITY FULL`, `CREATE TABLE d (id int PRIMARY KEY, n int)`)
	c := testConfig(s, db)
	for state, o := range map[string]TableOption{
		"columns_break_updates": {Name: "public.f", Columns: []string{"id"}},
		"filter_breaks_updates": {Name: "public.d", Where: "n > 3"},
		"key_not_carried":       {Name: "public.f", Columns: []string{"n"}, Daemon: true},
	} {
		c.Options = []TableOption{o}
		errs := c.check(t.Context())
		if len(errs) == 0 {
			t.Errorf("%s is not reported", state)
			continue
		}
		p := capture.AsProblem(errs[0])
		if p == nil || p.State != state || !o.Daemon && !strings.Contains(p.Fix, `enforce = "daemon"`) {
			t.Errorf("want %s with the way out, got %+v", state, p)
		}
	}
}
