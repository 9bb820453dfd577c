package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestNewColumns(t *testing.T) {
	sideBySide(t, testNewColumnsDropped, testNewColumnsHalt, testNewColumnsHaltBesideList, testNewColumnsOfTableThatIsGone, testListedColumnRenamed)
}

// reopen closes a tap and opens the next one, as a restart does.
func reopen(t *testing.T, p *tap, c Config) *tap {
	t.Helper()
	p.close()
	next := newTap(t, c)
	next.show, next.held, next.state = describeBoth, p.held, p.state
	next.open()
	next.wait("a stream", func() bool { return next.streams > 0 })
	return next
}

// masks returns what SetMasked gets for masks of the columns mail of tables.
func masks(tables ...string) func(schema, name string) []string {
	return func(_, name string) []string {
		if slices.Contains(tables, name) {
			return []string{"mail"}
		}
		return nil
	}
}

func testNewColumnsDropped(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE masked (id int PRIMARY KEY, gone int, v text)`, `ALTER TABLE masked DROP gone`,
		`CREATE TABLE plain (id int PRIMARY KEY)`, `CREATE TABLE dropped (id int PRIMARY KEY, v text)`, `ALTER TABLE dropped REPLICA IDENTITY FULL`,
		`CREATE TABLE listed (id int PRIMARY KEY, v text)`, `CREATE TABLE open (id int PRIMARY KEY)`,
		`INSERT INTO masked VALUES (1, 'a')`)
	c := reducedConfig(t, s, db, `
		table "public.dropped" { new_columns = "drop" }
		table "public.listed" {
			columns     = ["id", "v"]
			enforce     = "daemon"
			new_columns = "drop"
		}
		table "public.open" { new_columns = "publish" }`)
	c.Masked = masks("masked", "open")
	p := openReduced(t, c)
	p.expect("read masked new id=1 v=a")
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	for _, table := range []string{"masked", "plain", "dropped", "listed", "open"} {
		s.ExecIn(t, db, fmt.Sprintf("ALTER TABLE %s ADD secret text DEFAULT 'canary'", table))
	}
	s.ExecIn(t, db, `ALTER TABLE masked RENAME v TO w`, `ALTER TABLE masked ADD mail text DEFAULT 'm'`)
	rows := func(id int) {
		s.ExecIn(t, db, fmt.Sprintf(`INSERT INTO masked VALUES (%d, 'b')`, id), fmt.Sprintf(`INSERT INTO plain VALUES (%d)`, id),
			fmt.Sprintf(`INSERT INTO dropped VALUES (%d, 'b')`, id), fmt.Sprintf(`UPDATE dropped SET secret = 'canary2' WHERE id = %d`, id),
			fmt.Sprintf(`INSERT INTO listed VALUES (%d, 'b')`, id), fmt.Sprintf(`INSERT INTO open VALUES (%d)`, id))
	}
	want := func(id int) []string {
		return strings.Split(fmt.Sprintf("insert masked new id=%[1]d w=b mail=m|insert plain new id=%[1]d secret=canary|insert dropped new id=%[1]d v=b|"+
			"update dropped old id=%[1]d v=b new id=%[1]d v=b|insert listed new id=%[1]d v=b|insert open new id=%[1]d secret=canary", id), "|")
	}
	rows(2)
	p.expect(append([]string{"read masked new id=1 v=a"}, want(2)...)...)
	p = reopen(t, p, c)
	rows(3)
	p.expect(want(3)...)
	s.ExecIn(t, db, `COMMENT ON PUBLICATION tailrace IS 'ours'`) // the operator has removed the record
	s.ExecIn(t, db, `ALTER TABLE dropped DROP secret`)
	p = reopen(t, p, c)
	s.ExecIn(t, db, `ALTER TABLE dropped ADD secret text`, `INSERT INTO dropped VALUES (4, 'c', 'canary')`)
	p.expect("insert dropped new id=4 v=c")
	if comment := s.Query(t, db, `SELECT obj_description(oid, 'pg_publication') FROM pg_publication`); !strings.HasPrefix(comment, "ours\ntailrace: columns: ") {
		t.Errorf("the comment is %q", comment)
	}
}

func testNewColumnsHalt(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE h (id int PRIMARY KEY)`)
	halts := reducedConfig(t, s, db, `table "public.h" { new_columns = "halt" }`)
	publishes := reducedConfig(t, s, db, `table "public.h" { new_columns = "publish" }`)
	drops := reducedConfig(t, s, db, `table "public.h" { new_columns = "drop" }`)
	p := openReduced(t, halts)
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	s.ExecIn(t, db, `INSERT INTO h VALUES (1)`, `ALTER TABLE h ADD extra text`, `INSERT INTO h VALUES (2, 'x')`)
	p.expect("insert h new id=1")
	p.wait("the state", func() bool { return p.reported("new_column") })
	p = reopen(t, p, halts)
	p.wait("the state after a restart", func() bool { return p.reported("new_column") })
	for _, err := range p.reports {
		if known := capture.AsProblem(err); known != nil && known.State == "new_column" && (!known.Halted || !strings.Contains(known.Fix, `new_columns = "publish"`) ||
			!strings.Contains(known.Reason, "public.h has a new column, extra")) {
			t.Errorf("the problem is %+v", known)
		}
	}
	p = reopen(t, p, drops)
	p.expect("insert h new id=2")
	s.ExecIn(t, db, `UPDATE h SET extra = 'y' WHERE id = 2`)
	p = reopen(t, p, publishes)
	s.ExecIn(t, db, `INSERT INTO h VALUES (3, 'z')`)
	p.wait("the row with the column", func() bool { return slices.Contains(p.changes, "insert h new id=3 extra=z") })
	p = reopen(t, p, halts) // relative to now
	s.ExecIn(t, db, `INSERT INTO h VALUES (4, 'z')`, `ALTER TABLE h ADD other text`, `INSERT INTO h VALUES (5)`)
	p.wait("the next state", func() bool { return p.reported("new_column") })
	if got := p.seen(); !slices.Equal(got, []string{"insert h new id=4 extra=z"}) {
		t.Errorf("changes %q", got)
	}
}

func testNewColumnsHaltBesideList(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE h (id int PRIMARY KEY, secret text)`)
	block := `table "public.h" {
		columns     = [%s]
		enforce     = "daemon"
		new_columns = "halt"
	}`
	p := openReduced(t, reducedConfig(t, s, db, fmt.Sprintf(block, `"id"`)))
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	s.ExecIn(t, db, `INSERT INTO h VALUES (1, 'canary')`, `ALTER TABLE h ADD extra text`, `INSERT INTO h VALUES (2, 'canary', 'x')`)
	p.expect("insert h new id=1")
	p.wait("the state", func() bool { return p.reported("new_column") })
	p = reopen(t, p, reducedConfig(t, s, db, fmt.Sprintf(block, `"id", "extra"`)))
	p.expect("insert h new id=2 extra=x")
}

// The names decide about columns of a table that is gone.
func testNewColumnsOfTableThatIsGone(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE stays (id int PRIMARY KEY)`, `CREATE TABLE known (id int PRIMARY KEY, v text)`, `CREATE TABLE doubtful (id int PRIMARY KEY, v text)`)
	c := reducedConfig(t, s, db, "")
	c.Masked = masks("known", "doubtful")
	p := openReduced(t, c)
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	p.reached()
	p.close()
	s.ExecIn(t, db, `INSERT INTO known VALUES (1, 'a')`, `DROP TABLE known`, `ALTER TABLE doubtful ADD secret text`,
		`INSERT INTO doubtful VALUES (1, 'a', 'canary')`, `DROP TABLE doubtful`)
	p = reopen(t, p, c)
	p.expect("insert known new id=1 v=a", "insert doubtful new id=1 v=a")
}

func testListedColumnRenamed(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE d (id int PRIMARY KEY, v text)`)
	block := "table \"public.d\" {\ncolumns = [\"id\", %q]\nenforce = \"daemon\"\n}"
	p := openReduced(t, reducedConfig(t, s, db, fmt.Sprintf(block, "v")))
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	s.ExecIn(t, db, `INSERT INTO d VALUES (1, 'a')`, `ALTER TABLE d RENAME v TO w`, `INSERT INTO d VALUES (2, 'b')`)
	p.expect("insert d new id=1 v=a")
	p.wait("the state", func() bool { return p.reported("column_missing") })
	p = reopen(t, p, reducedConfig(t, s, db, fmt.Sprintf(block, "w")))
	p.expect("insert d new id=2 w=b")
}
