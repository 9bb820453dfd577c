package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/internal/testenv"
)

func tablesOf(p *publication.Published) []string {
	var all []string
	for _, t := range p.Tables {
		item := t.Schema + "." + t.Name + "(" + strings.Join(t.Columns, ",") + ")"
		if t.Where != "" {
			item += " " + t.Where
		}
		all = append(all, item)
	}
	return all
}

func want[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestPublicationFollowsTheFile(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE a (id int PRIMARY KEY, x text, y text)`, `CREATE TABLE b (id int PRIMARY KEY)`,
			`CREATE TABLE c (id int PRIMARY KEY)`)
		c := s.config("public.a", "public.b")
		first := s.publish(c)
		want(s, "tables", tablesOf(first), []string{"public.a(id,x,y)", "public.b(id)"})
		want(s, "added", first.Added, []string{"public.a", "public.b"})
		if !first.Created || !first.Altered() {
			s.Error("not created")
		}
		again := s.publish(c)
		if again.Altered() || again.Fingerprint.String() != first.Fingerprint.String() || again.Hash != first.Hash {
			s.Errorf("second start: %+v, before %+v", again, first)
		}

		c.Tables = []string{"public.a", "public.c"}
		c.Options = []TableOption{{Name: "public.a", Columns: []string{"y", "id"}, Where: "id>3 -- some"}}
		second := s.publish(c)
		want(s, "tables", tablesOf(second), []string{"public.a(id,y) (id > 3)", "public.c(id)"})
		want(s, "changes", [][]string{second.Added, second.Changed, second.Removed},
			[][]string{{"public.c"}, {"public.a"}, {"public.b"}})
		if second.Created || second.Hash == first.Hash {
			s.Errorf("changed publication: %+v", second)
		}
		if again := s.publish(c); again.Altered() || again.Hash != second.Hash {
			s.Errorf("start after the change: %+v", again)
		}
	})
}

func TestPublicationIsMendedAfterOthers(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`, `CREATE SCHEMA x`, `CREATE TABLE x.b (id int PRIMARY KEY)`)
		c := s.config("public.a")
		first := s.publish(c)
		s.exec("ALTER PUBLICATION "+c.Publication+" SET (publish = 'insert', publish_via_partition_root = false)",
			"ALTER PUBLICATION "+c.Publication+" ADD TABLES IN SCHEMA x, TABLE x.b")
		second := s.publish(c)
		want(s, "tables", tablesOf(second), []string{"public.a(id)"})
		want(s, "removed", second.Removed, []string{"x.b", "x.*"})
		if what := second.Fingerprint.AlteredSince(first.Fingerprint.String()); len(what) != 1 {
			s.Errorf("of options that were changed and are mended it says %v", what)
		}
	})
}

func TestWildcards(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE parent (id int PRIMARY KEY)`, `CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent)`,
			`CREATE VIEW view AS SELECT 1 AS id`, `CREATE UNLOGGED TABLE fast (id int PRIMARY KEY)`,
			`CREATE TABLE tree (id int PRIMARY KEY) PARTITION BY RANGE (id)`,
			`CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (10)`,
			`CREATE TABLE schema_migrations (v int)`,
			`CREATE SCHEMA tenant_1`, `CREATE TABLE tenant_1.orders (id int PRIMARY KEY)`,
			`CREATE SCHEMA tenant_2`, `CREATE TABLE tenant_2.orders (id int PRIMARY KEY)`, `CREATE TABLE tenant_2.other (id int)`)
		c := s.config("public.*", "tenant_*.orders")
		c.Except = []string{"public.schema_*"}
		want(s, "tables", tablesOf(s.publish(c)), []string{
			"public.child(id)", "public.parent(id)", "public.tree(id)",
			"tenant_1.orders(id)", "tenant_2.orders(id)",
		})
		c.Tables = []string{"public.parent"}
		want(s, "without the child", tablesOf(s.publish(c)), []string{"public.parent(id)"})
		c.Tables = []string{"public.tree_*"}
		want(s, "a partition alone", tablesOf(s.publish(c)), []string{"public.tree_1(id)"})

		c.Tables = []string{"public.parent", "tenant_*.nothing"}
		s.refused(c, "pattern_matches_nothing", "tenant_*.nothing")
		c.Tables = []string{"public.ordrs", "tenant_1.ordrs"}
		c.Options = []TableOption{{Name: "public.tree_1"}, {Name: "public.tree"}}
		errs := s.preflight(c)
		if len(errs) != 3 {
			s.Fatalf("problems: %v", errs)
		}
		wantProblem(s, errs[1:2], "table_missing", `did you mean "tenant_1.orders"?`)
		wantProblem(s, errs[2:], "partition_in_tree", "public.tree_1")
	})
}

func TestHostileNames(t *testing.T) {
	everywhere(t, func(s site) {
		long := strings.Repeat("long", 15) + "123"
		tables := []string{`Order Notes`, `we"ird`, `dot.ted`, `🦀 crab`, `it's`, `back\slash`, `semi;colon`, `%s`, long}
		for _, n := range tables {
			s.exec("CREATE TABLE "+pgconnect.Ident(n)+` ("Full Name" text PRIMARY KEY, "a""b" int)`,
				"ALTER TABLE "+pgconnect.Ident(n)+" REPLICA IDENTITY FULL")
		}
		var names, wants []string
		for _, n := range tables {
			names = append(names, "public."+n)
			wants = append(wants, "public."+n+`(Full Name,a"b)`)
		}
		c := s.config(names...)
		c.Publication = strings.Repeat("🦀", 13) + `" '; --`
		slices.Sort(wants)
		want(s, "tables", tablesOf(s.publish(c)), wants)
		if s.publish(c).Altered() {
			s.Error("changed again")
		}
		c.Options = []TableOption{{Name: `public.we"ird`, Where: `"a""b" > 3 AND "Full Name" <> 'it''s'`}}
		s.publish(c)
		if s.publish(c).Altered() {
			s.Error("a filter with quotes is changed again")
		}
		if lines, err := dropIt(s, c); err != nil || len(lines) != 1 {
			s.Errorf("drop: %q, %v", lines, err)
		}
	})
}

func dropIt(s site, c *Config) ([]string, error) { return c.drop(s.Context(), false) }

func TestGeneratedColumns(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE g (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED)`,
			`ALTER TABLE g REPLICA IDENTITY FULL`, `INSERT INTO g VALUES (1, 2)`)
		c := s.config("public.g")
		columns := map[int]string{testenv.Oldest: "public.g(id,a)", testenv.Newest: "public.g(id,a,twice)"}
		want(s, "tables", tablesOf(s.publish(c)), []string{columns[s.server.Version]})
		s.exec(`UPDATE g SET a = 3`)

		c.Options = []TableOption{{Name: "public.g", Columns: []string{"id", "twice"}}}
		s.exec(`ALTER TABLE g REPLICA IDENTITY DEFAULT`)
		if s.server.Version < 18 {
			s.refused(c, "column_generated", "twice")
			return
		}
		want(s, "tables", tablesOf(s.publish(c)), []string{"public.g(id,twice)"})

		s.exec(`ALTER TABLE g ADD thrice int GENERATED ALWAYS AS (a * 3) VIRTUAL`, `ALTER TABLE g REPLICA IDENTITY FULL`)
		c.Options = nil
		s.fix(s.refused(c, "replica_identity_generated", "thrice"))
		want(s, "tables", tablesOf(s.publish(c)), []string{"public.g(id,a,twice)"})
		s.exec(`UPDATE g SET a = 3`)
	})
}

func TestGuardTakesAllBack(t *testing.T) {
	everywhere(t, func(s site) {
		// Harmless according to all of our checks, and harmful for a reason that they do not know: another publication.
		s.exec(`CREATE TABLE a (id int PRIMARY KEY, x int)`, `CREATE TABLE b (id int PRIMARY KEY, x int)`,
			`CREATE PUBLICATION other FOR TABLE b WHERE (x > 3)`)
		c := s.config("public.a", "public.b")
		conn := s.control(c)
		p, errs := c.publication().Preflight(s.Context(), conn)
		if len(errs) > 0 {
			s.Fatal(errs)
		}
		_, err := c.publication().Apply(s.Context(), conn, p)
		wantProblem(s, []error{err}, "publication_breaks_updates", "public.b", "nothing was changed")
		if n := s.server.Query(t, s.db, `SELECT count(*) FROM pg_publication`); n != "1" {
			s.Errorf("%s publications", n)
		}
	})
}

func TestForeignPublication(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE a (id int PRIMARY KEY, x int)`, `CREATE TABLE b (id int PRIMARY KEY)`)
		c := s.config("public.a", "public.b")
		c.Manage = false
		s.refused(c, "publication_missing", c.Publication, "manage = true")
		s.exec("CREATE PUBLICATION " + c.Publication + " FOR TABLE a (id) WHERE (id > 3)")
		s.fix(s.refused(c, "table_not_published", "public.b"))
		want(s, "tables", tablesOf(s.publish(c)), []string{"public.a(id) (id > 3)", "public.b(id)"})
		c.Tables = nil
		s.exec("DROP PUBLICATION "+c.Publication, "CREATE PUBLICATION "+c.Publication+" FOR ALL TABLES")
		first := s.publish(c)
		want(s, "tables", tablesOf(first), []string{"public.a(id,x)", "public.b(id)"})
		s.exec(`CREATE TABLE later (id int PRIMARY KEY)`)
		if m := s.publish(c).Hash; m != first.Hash {
			s.Error("a new table changes FOR ALL TABLES")
		}
		c.Manage, c.Tables = true, []string{"public.a"}
		s.fix(s.refused(c, "publication_all_tables", "manage = false"))
		s.publish(c)
	})
}

func TestPublicationDroppedUnderTheSlot(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`)
		c := s.config("public.a")
		s.publish(c)
		s.createSlot(c)
		s.exec("DROP PUBLICATION " + c.Publication)
		s.refused(c, "publication_missing", c.Slot, "drop")
	})
}
