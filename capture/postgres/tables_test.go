package postgres

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestTables(t *testing.T) {
	sideBySide(t, testTablesAsStreamed, testTablesOfOthers, testTablesInDoubt)
}

// shapesSetup are tables of each kind, and a row of each.
var shapesSetup = []string{
	"CREATE DOMAIN code AS varchar(5)",
	`CREATE TABLE plain (id bigint PRIMARY KEY, total numeric(12,2), note text, code code NOT NULL DEFAULT 'a', tags text[], doc jsonb)`,
	`CREATE TABLE "Odd Name" (b int, a int, "Full Name" text, PRIMARY KEY (b, a) INCLUDE ("Full Name"))`,
	`CREATE TABLE whole (id int PRIMARY KEY, v text)`, `ALTER TABLE whole REPLICA IDENTITY FULL`,
	`CREATE TABLE indexed (id int PRIMARY KEY, u uuid NOT NULL UNIQUE, v text)`, `ALTER TABLE indexed REPLICA IDENTITY USING INDEX indexed_u_key`,
	`CREATE TABLE keyless (v text)`, `ALTER TABLE keyless REPLICA IDENTITY FULL`,
	`CREATE TABLE listed (id int PRIMARY KEY, hidden text, shown text)`,
	`CREATE TABLE keyed (id int PRIMARY KEY, other int NOT NULL)`, `ALTER TABLE keyed REPLICA IDENTITY FULL`,
	`CREATE TABLE made (id int PRIMARY KEY, n int, double int GENERATED ALWAYS AS (n * 2) STORED)`,
	`CREATE TABLE dropped (id int PRIMARY KEY, gone int, v text)`, `ALTER TABLE dropped DROP gone`, `ALTER TABLE dropped ADD late text DEFAULT 'l'`,
	`CREATE TABLE tree (id int, at date NOT NULL, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)`,
	`CREATE TABLE tree_1 (v text, at date NOT NULL, id int NOT NULL)`, `ALTER TABLE tree ATTACH PARTITION tree_1 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
}

var shapesRows = []string{
	"INSERT INTO plain VALUES (1)", `INSERT INTO "Odd Name" VALUES (1, 2)`, "INSERT INTO whole VALUES (1)",
	"INSERT INTO indexed VALUES (1, gen_random_uuid())", "INSERT INTO keyless VALUES ('v')", "INSERT INTO listed VALUES (1)",
	"INSERT INTO keyed VALUES (1, 2)", "INSERT INTO made VALUES (1, 2)", "INSERT INTO dropped VALUES (1)", "INSERT INTO tree VALUES (1, '2026-05-05')",
}

func shapesSettings(s *testenv.PostgresServer, db string) *Settings {
	set := NewSettings()
	set.URL, set.Slot, set.Publication = config.Secret(s.URL(db)), "tailrace_"+db, "tailrace"
	return set
}

// shapesOf streams a row of each table and returns the tables that the stream has described, by name.
func shapesOf(t *testing.T, s *testenv.PostgresServer, db string, set *Settings, rows []string) map[string]*capture.Table {
	t.Helper()
	c, err := set.Config("shapes")
	if err != nil {
		t.Fatal(err)
	}
	p := newTap(t, c)
	var mu sync.Mutex
	tables := map[string]*capture.Table{}
	p.show = func(c *capture.Change) string {
		mu.Lock()
		defer mu.Unlock()
		tables[c.Table.String()] = c.Table
		return c.Op.String()
	}
	p.open()
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	s.ExecIn(t, db, rows...)
	p.wait("the rows", func() bool { return len(p.changes) == len(rows) })
	p.close()
	mu.Lock()
	defer mu.Unlock()
	return tables
}

// compareShapes compares the tables of the settings with those of a stream.
func compareShapes(t *testing.T, when string, got []*capture.Table, want map[string]*capture.Table) {
	t.Helper()
	var names []string
	for _, g := range got {
		names = append(names, g.String())
		w := want[g.String()]
		if w == nil {
			continue
		}
		a, b := *g, *w
		a.Columns, b.Columns = withoutTimes(a.Columns), withoutTimes(b.Columns)
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s, %s:\n%s\nthe stream has\n%s", when, g, printShape(&a), printShape(&b))
		}
	}
	wanted := slices.Sorted(maps.Keys(want))
	if slices.Sort(names); !slices.Equal(names, wanted) {
		t.Errorf("%s: tables %q, the stream has %q", when, names, wanted)
	}
}

// withoutTimes returns the columns without the times at which their types were read.
func withoutTimes(columns []capture.Column) []capture.Column {
	columns = slices.Clone(columns)
	for i := range columns {
		typ := *columns[i].Type
		if columns[i].Type = &typ; typ.User != nil {
			user := *typ.User
			user.Read = time.Time{}
			typ.User = &user
		}
	}
	return columns
}

func printShape(t *capture.Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s key %v deferrable %v computed %v", t.OID, t, t.Key, t.Deferrable, len(t.Computed))
	for _, c := range t.Columns {
		fmt.Fprintf(&b, "\n  %s %s key %v identity %v nullable %v inline %v fill %v %q number %d%v", c.Name, c.Type, c.Key, c.Identity, c.Nullable, c.Inline, c.Fill,
			c.Filled, c.Number, c.Unsure)
	}
	return b.String()
}

func testTablesAsStreamed(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, shapesSetup...)
	set := shapesSettings(s, db)
	set.Include, set.Except = []string{"public.*"}, []string{"public.whole"}
	set.Options = []TableSettings{{Name: "public.listed", Columns: []string{"shown", "id"}}, {Name: "public.keyed", Key: []string{"other"}}}
	rows := slices.DeleteFunc(slices.Clone(shapesRows), func(r string) bool { return strings.Contains(r, "whole") })
	before, err := set.Tables(t.Context(), "shapes")
	if err != nil {
		t.Fatal(err)
	}
	want := shapesOf(t, s, db, set, rows)
	compareShapes(t, "before the first start", before, want)
	after, err := set.Tables(t.Context(), "shapes")
	if err != nil {
		t.Fatal(err)
	}
	compareShapes(t, "after it", after, want)
	for name, check := range map[string]struct {
		column           string
		inline, identity bool
	}{
		"public.plain": {"total", true, false}, "public.indexed": {"u", true, true}, "public.keyless": {"v", false, true},
		"public.tree": {"at", true, true}, "public.Odd Name": {"Full Name", false, false},
	} {
		w := want[name]
		if w == nil || w.Column(check.column) < 0 {
			t.Errorf("%s has no column %s: %v", name, check.column, w)
			continue
		}
		c := w.Columns[w.Column(check.column)]
		if c.Inline != check.inline || c.Identity != check.identity {
			t.Errorf("%s of %s: inline %v, identity %v", check.column, name, c.Inline, c.Identity)
		}
	}
	if got := s.Query(t, db, "SELECT count(*)::text FROM pg_locks WHERE mode <> 'AccessShareLock' AND locktype = 'relation' AND relation >= 16384 "+
		"AND database = (SELECT oid FROM pg_database WHERE datname = '"+db+"')"); got != "0" {
		t.Errorf("%s locks are left", got)
	}
}

// What an administrator publishes is published as it is: here the partitions under their own names.
func testTablesOfOthers(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, shapesSetup...)
	set := shapesSettings(s, db)
	set.Manage = false
	_, err := set.Tables(t.Context(), "shapes")
	if p := capture.AsProblem(err); p == nil || p.State != "publication_missing" {
		t.Errorf("without the publication: %v", err)
	}
	s.ExecIn(t, db, "ALTER TABLE tree_1 REPLICA IDENTITY FULL", "CREATE PUBLICATION tailrace FOR TABLE plain (id, code), whole, tree")
	list, err := set.Tables(t.Context(), "shapes")
	if err != nil {
		t.Fatal(err)
	}
	want := shapesOf(t, s, db, set, []string{shapesRows[0], shapesRows[2], shapesRows[9]})
	compareShapes(t, "of others", list, want)
	if want["public.tree_1"] == nil || len(want["public.plain"].Columns) != 2 {
		t.Errorf("the stream has %v", want)
	}
}

func testTablesInDoubt(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY)`)
	set := shapesSettings(s, db)
	set.Include = []string{"public.b"}
	_, err := set.Tables(t.Context(), "shapes")
	if p := capture.AsProblem(err); p == nil || p.State != "table_missing" {
		t.Errorf("a table that does not exist: %v", err)
	}
	set.Include, set.URL = []string{"public.a"}, config.Secret("postgres://postgres@127.0.0.1:1/x")
	_, err = set.Tables(t.Context(), "shapes")
	if p := capture.AsProblem(err); p == nil || p.Usage || errors.Is(err, capture.ErrRestart) {
		t.Errorf("a server that does not answer: %v", err)
	}
}
