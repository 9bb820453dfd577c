package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/joined"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/testenv"
)

// warned waits until the source warns in a state, with these words; "": until it has no warning.
func (p *tap) warned(what, state string, words ...string) {
	p.t.Helper()
	var first capture.ActiveWarning
	p.wait(fmt.Sprintf("%s: %s %q", what, state, words), func() bool {
		h := p.source.Health()
		if state == "" || len(h.Warnings) == 0 {
			return state == "" && len(h.Warnings) == 0 && h.Unpublished == 0
		}
		first = h.Warnings[0]
		text := "" // of several checks, which do not end at the same time
		for _, w := range h.Warnings {
			text += w.State + ": " + w.Reason + "\n" + w.Fix + "\n"
		}
		return first.State == state && !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	})
	if state != "" && (first.Halted || time.Since(first.Since).Abs() > time.Minute) {
		p.t.Errorf("%s: %+v since %s", what, first.Problem, first.Since)
	}
}

// A table loses what the application's UPDATE needs while it is published, or the file selects one that is not published:
// the source warns until that is repaired, by the fix if it is SQL, and the stream continues.
func TestTablesThatAreWarnedOf(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		cases := []struct {
			name   string
			began  func(*altering)
			sql    string
			state  string // "": nothing
			words  []string
			mend   string // "": the fix
			update string // what the server refuses meanwhile
			newest bool
		}{
			{
				name: "primary key dropped", began: keyed, sql: "ALTER TABLE $.a DROP CONSTRAINT a_pkey", state: "replica_identity_missing",
				words: []string{"$.a (it has no usable primary key"}, update: "UPDATE $.a SET x = 2",
			},
			{
				name: "primary key dropped, and another one", began: keyed, sql: "ALTER TABLE $.a DROP CONSTRAINT a_pkey", state: "replica_identity_missing",
				mend: "ALTER TABLE $.a ADD PRIMARY KEY (id)", update: "DELETE FROM $.a",
			},
			{
				name: "identity nothing", sql: "ALTER TABLE $.a REPLICA IDENTITY NOTHING", state: "replica_identity_missing",
				words: []string{"$.a (its replica identity is NOTHING", "REPLICA IDENTITY DEFAULT;"}, update: "UPDATE $.a SET x = 2",
			},
			{
				name: "index of the identity dropped", began: func(a *altering) {
					a.sql("CREATE UNIQUE INDEX by_id ON $.a (id)", "ALTER TABLE $.a REPLICA IDENTITY USING INDEX by_id")
				}, sql: "DROP INDEX $.by_id", state: "replica_identity_missing", words: []string{"$.a (the index of its replica identity is gone", "REPLICA IDENTITY DEFAULT;"},
				update: "DELETE FROM $.a",
			},
			{
				name: "deferrable primary key", began: keyed, sql: "ALTER TABLE $.a DROP CONSTRAINT a_pkey, ADD PRIMARY KEY (id) DEFERRABLE",
				state: "replica_identity_missing", words: []string{"REPLICA IDENTITY FULL;"}, update: "UPDATE $.a SET x = 2",
			},
			{
				name: "key outside the column list", began: func(a *altering) {
					keyed(a)
					a.option(TableOption{Name: "a", Columns: []string{"id", "x"}})
				}, sql: "ALTER TABLE $.a DROP CONSTRAINT a_pkey, ALTER y SET NOT NULL, ADD PRIMARY KEY (y)", state: "columns_break_updates",
				mend: "ALTER TABLE $.a DROP CONSTRAINT a_pkey, ADD PRIMARY KEY (id)", update: "UPDATE $.a SET x = 2",
			},
			{
				name: "filter outside the key", began: func(a *altering) {
					keyed(a)
					a.option(TableOption{Name: "a", Where: "id > 0"})
				}, sql: "ALTER TABLE $.a DROP CONSTRAINT a_pkey, ALTER y SET NOT NULL, ADD PRIMARY KEY (y)", state: "filter_breaks_updates",
				update: "UPDATE $.a SET x = 2",
			},
			{
				name: "partition", began: func(a *altering) {
					a.sql("CREATE TABLE $.p (id int PRIMARY KEY, x int) PARTITION BY RANGE (id)", "CREATE TABLE $.p1 PARTITION OF $.p DEFAULT")
					a.Tables = append(a.Tables, a.schema+".p")
				}, sql: "ALTER TABLE $.p1 REPLICA IDENTITY NOTHING", state: "replica_identity_missing", words: []string{"$.p1 (its replica identity"},
				update: "UPDATE $.p SET x = 2",
			},
			{name: "administrator: inserts only", began: func(a *altering) {
				a.sql("CREATE PUB FOR TABLE $.a, $.b WITH (publish = 'insert')")
				a.Manage = false
			}, sql: "ALTER TABLE $.a REPLICA IDENTITY NOTHING"},
			{
				name: "administrator: identity nothing", began: administered, sql: "ALTER TABLE $.b REPLICA IDENTITY NOTHING", state: "replica_identity_missing",
				update: "UPDATE $.b SET x = 2",
			},
			{name: "administrator: schema, a table without a key", began: func(a *altering) {
				a.sql("CREATE PUB FOR TABLES IN SCHEMA $")
				everyTable(a)
				a.Manage = false
			}, sql: "CREATE TABLE $.d (x int)", state: "replica_identity_missing", words: []string{"$.d (it has no usable primary key"}, update: "DELETE FROM $.d"},
			{name: "administrator: a table that the publication lacks", began: func(a *altering) {
				administered(a)
				a.sql("ALTER PUB ADD TABLE $.c")
				everyTable(a)
			}, sql: "CREATE TABLE $.d (id int PRIMARY KEY)", state: "tables_unpublished", words: []string{"$.d:", "ADD TABLE ONLY"}},
			{
				name: "wildcard: a new table", began: everyTable, sql: "CREATE TABLE $.d (id int PRIMARY KEY)", state: "tables_unpublished",
				words: []string{"$.d: the file selects these tables", `add "$.d" to except`, "restart the daemon"}, mend: "DROP TABLE $.d",
			},
			{
				name: "wildcard: many new tables", began: everyTable,
				sql:   "DO 'BEGIN FOR i IN 1..12 LOOP EXECUTE format(''CREATE TABLE $.n%s (id int PRIMARY KEY)'', i); END LOOP; END'",
				state: "tables_unpublished", words: []string{"and 2 more", "and so on"}, mend: "DROP SCHEMA $ CASCADE",
			},
			{
				name: "wildcard: a new tree", began: everyTable,
				sql:   "CREATE TABLE $.p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE $.p1 PARTITION OF $.p DEFAULT",
				state: "tables_unpublished", words: []string{`add "$.p" to`}, mend: "DROP TABLE $.p",
			},
			{name: "wildcard: what is not to be published", began: func(a *altering) {
				everyTable(a)
				a.sql("CREATE TABLE $.p (id int PRIMARY KEY) PARTITION BY RANGE (id)")
				a.Except = []string{a.schema + ".d*"}
			}, sql: "CREATE TABLE $.done (id int); CREATE UNLOGGED TABLE $.u (id int); CREATE VIEW $.v AS SELECT 1; CREATE TEMP TABLE t (id int); " +
				"CREATE TABLE $.p1 PARTITION OF $.p DEFAULT; CREATE SCHEMA $x; CREATE TABLE $x.a (id int)"},
			{
				name: "wildcard: a letter for an underscore", began: func(a *altering) { a.Tables = []string{a.schema + ".a", a.schema + `._*`, a.schema + `.b\*`} },
				sql: "CREATE TABLE $.xy (id int PRIMARY KEY)",
			},
		}
		var all []*altering
		var taps []*tap
		for i, c := range cases { // together: each waits for the next look
			a := s.altering(300 + i)
			if c.began != nil {
				c.began(a)
			}
			if strings.Contains(c.name, "underscore") {
				a.sql("CREATE TABLE $._a (id int PRIMARY KEY)", `CREATE TABLE $."b\c" (id int PRIMARY KEY)`)
			}
			s.publish(a.Config)
			s.createSlot(a.Config)
			a.sql("INSERT INTO $.a VALUES (1, 1, 1)")
			p := newTap(s.T, *a.Config)
			p.open()
			all, taps = append(all, a), append(taps, p)
		}
		for i, p := range taps {
			p.wait("a look", func() bool { return p.source.Health().Unpublished == 0 && len(p.changes) == 1 })
			p.warned(cases[i].name, "")
			all[i].sql(cases[i].sql)
		}
		for i, p := range taps {
			c, a := cases[i], all[i]
			if c.state == "" {
				continue
			}
			var words []string
			for _, w := range c.words {
				words = append(words, strings.ReplaceAll(w, "$", a.schema))
			}
			p.warned(c.name, c.state, words...)
			if c.update != "" {
				if err := a.refuses(c.update); err == nil || !strings.Contains(err.Error(), "55000") && !strings.Contains(err.Error(), "42P10") {
					s.Errorf("%s: the server takes the update: %v", c.name, err)
				}
			}
			if c.mend != "" {
				a.sql(c.mend)
			} else {
				s.exec(sqlOf(s, p.source.Health().Warnings[0].Fix)...)
			}
		}
		for i, p := range taps {
			c := cases[i]
			p.warned(c.name+": mended", "")
			if c.update != "" {
				if err := all[i].refuses(c.update); err != nil {
					s.Errorf("%s: after the fix: %v", c.name, err)
				}
			}
			p.mu.Lock()
			if len(p.reports) > 0 && !strings.Contains(c.mend, "DROP SCHEMA") {
				s.Errorf("%s: the stream ended: %v", c.name, p.reports)
			}
			p.mu.Unlock()
		}
		for i, p := range taps { // the taps without a warning had several checks by now
			if cases[i].state == "" {
				p.warned(cases[i].name, "")
			}
		}
	})
}

func keyed(a *altering) { a.sql("ALTER TABLE $.a REPLICA IDENTITY DEFAULT") }

// refuses runs a statement that the server may refuse.
func (a *altering) refuses(sql string) error {
	a.Helper()
	conn := a.site.control(a.Config)
	defer conn.Close(a.Context())
	_, err := conn.Exec(a.Context(), strings.ReplaceAll(sql, "$", a.schema))
	return err
}

// A restart halts on a table that has lost its replica identity, in the same state, and continues when it is repaired. A
// table that was created meanwhile is published then.
func TestTablesThatAreWarnedOfAfterARestart(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		a := s.altering(400)
		everyTable(a)
		s.publish(a.Config)
		s.createSlot(a.Config)
		a.sql("ALTER TABLE $.a REPLICA IDENTITY NOTHING", "CREATE TABLE $.d (id int PRIMARY KEY)")
		_, err := a.visit("")
		s.fix(wantProblem(s, []error{err}, "replica_identity_missing", a.schema+".a"))
		p := openTap(s.T, *a.Config)
		p.wait("a look", func() bool { return p.source.Health().Unpublished == 0 })
		p.warned("after the restart", "")
		a.sql("INSERT INTO $.d VALUES (1)")
		p.expect("insert d id=1")
	})
}

// A table that is added next to an older slot is named, with its older rows, when the stream is accepted, and not next to a
// verdict.
func TestAddedTablesAreNamedWhenTheStreamPasses(t *testing.T) {
	s := newSite(t, testenv.Newest)
	a := s.altering(0)
	s.publish(a.Config)
	s.createSlot(a.Config)
	a.sql("INSERT INTO $.c VALUES (1, 1, 1)")
	a.Tables = append(a.Tables, a.schema+".c")
	src := New(*a.Config, zaptest.NewLogger(t))
	conn := s.control(a.Config)
	row, err := slot.Read(t.Context(), conn, a.Slot)
	if err != nil {
		t.Fatal(err)
	}
	begin := func() {
		pub, err := src.keeper.Prepare(t.Context(), conn, row)
		if err == nil {
			err = src.joins.Begin(t.Context(), conn, src.keeper, pub)
		}
		if err == nil {
			err = src.joins.Check(t.Context(), conn, func() {})
		}
		if err != nil {
			t.Fatal(err)
		}
		if p, _ := src.joins.Warning(); p != nil {
			t.Errorf("before the stream is accepted: %v", p)
		}
	}
	begin()
	src.keeper.Refused(t.Context())
	begin()
	src.joins.Pass(1)
	for range 2 {
		if err := src.joins.Check(t.Context(), conn, func() {}); err != nil {
			t.Fatal(err)
		}
		if p, _ := src.joins.Warning(); p == nil || p.State != joined.RowsNotCopied || !strings.Contains(p.Reason, a.schema+".c") {
			t.Errorf("the warning is %v", p)
		}
	}
}
