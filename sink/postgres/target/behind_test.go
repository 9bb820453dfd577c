package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// behindCase is what happened to a table t (id int PRIMARY KEY, a int, b text), which has the row 1, while no sink read the stream.
type behindCase struct {
	name       string
	statements []string // one transaction each
	fixes      []string // a substring of each fix, in order
	differs    bool     // older rows are left to verify -repair
	adds       bool     // with add_columns
}

var behindCases = []behindCase{
	{name: "add", statements: []string{"ALTER TABLE S.t ADD c int NOT NULL DEFAULT 7", "INSERT INTO S.t VALUES (3, 3, 'c', 3)"}, adds: true},
	{name: "swap", statements: []string{"ALTER TABLE S.t RENAME a TO x; ALTER TABLE S.t RENAME b TO a; ALTER TABLE S.t RENAME x TO b", "INSERT INTO S.t VALUES (3, 3, 'c')"}, fixes: []string{`RENAME COLUMN "a" TO "tailrace_2"`}},
	{name: "expand and contract", statements: []string{"ALTER TABLE S.t ADD w bigint; UPDATE S.t SET w = a * 2; ALTER TABLE S.t DROP a; ALTER TABLE S.t RENAME w TO a", "INSERT INTO S.t VALUES (3, 'c', 3)"}, fixes: []string{`ADD COLUMN "w" bigint`, `RENAME COLUMN "w" TO "a"`}},
	{name: "expand and contract of the last column", statements: []string{"ALTER TABLE S.t ADD w varchar(9); UPDATE S.t SET w = b || '!'; ALTER TABLE S.t DROP b; ALTER TABLE S.t RENAME w TO b", "INSERT INTO S.t VALUES (3, 3, 'c')"}, fixes: []string{`ADD COLUMN "w" character varying(9)`, `RENAME COLUMN "w" TO "b"`}},
	{name: "drop and add again", statements: []string{"ALTER TABLE S.t DROP b, ADD b text DEFAULT 'new'", "INSERT INTO S.t VALUES (3, 3, 'c')"}, fixes: []string{"-- then, when the pipeline is streaming and has caught up: tailrace verify -repair -table"}, differs: true, adds: true},
	{name: "drop and add again, of another type, within the row's transaction", statements: []string{"INSERT INTO S.t VALUES (3, 3, 'c'); ALTER TABLE S.t DROP b, ADD b int; INSERT INTO S.t VALUES (4, 4, 4)"}, fixes: []string{"tailrace verify -repair -table"}, differs: true},
	{name: "drop and add another", statements: []string{"ALTER TABLE S.t DROP b, ADD c text DEFAULT 'new'", "INSERT INTO S.t VALUES (3, 3, 'c')"}, fixes: []string{`ADD COLUMN "c" text; -- older rows have NULL; where the source has values: tailrace verify -repair`}, differs: true, adds: true},
	{name: "drop and add again, then swap", statements: []string{"ALTER TABLE S.t DROP b, ADD b text DEFAULT 'new'", "ALTER TABLE S.t RENAME a TO x; ALTER TABLE S.t RENAME b TO a; ALTER TABLE S.t RENAME x TO b", "INSERT INTO S.t (id, b, a) VALUES (3, 3, 'c')"}, fixes: []string{"tailrace verify -repair -table", "tailrace verify -repair -table", `ALTER COLUMN "a" TYPE text`}, differs: true},
	{name: "drop and add again, a row, then swap", statements: []string{"ALTER TABLE S.t DROP b, ADD b text DEFAULT 'new'", "INSERT INTO S.t VALUES (4, 4, 'd')", "ALTER TABLE S.t RENAME a TO x; ALTER TABLE S.t RENAME b TO a; ALTER TABLE S.t RENAME x TO b", "INSERT INTO S.t (id, b, a) VALUES (3, 3, 'c')"}, fixes: []string{"tailrace verify -repair -table", "tailrace verify -repair -table", `ALTER COLUMN "a" TYPE text`}, differs: true},
	{name: "another type and back", statements: []string{"ALTER TABLE S.t ALTER a TYPE bigint", "INSERT INTO S.t VALUES (3, 3, 'c')", "ALTER TABLE S.t ALTER a TYPE int"}, fixes: []string{`ALTER COLUMN "a" TYPE bigint`}},
}

// A backlog is written correctly, directly or after following the fixes. No fix drops or renames a column that may be valid.
func TestBehind(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.stream()
		for i, c := range behindCases {
			t.Run(c.name, func(t *testing.T) {
				defer func(outer *testing.T) { r.t = outer }(r.t)
				r.t = t
				r.behind(c, fmt.Sprintf("s%d", i))
			})
		}
	})
}

func (r *rig) behind(c behindCase, schema string) {
	r.exec("CREATE SCHEMA "+schema, "CREATE TABLE "+schema+".t (id int PRIMARY KEY, a int, b text)", "INSERT INTO "+schema+".t VALUES (1, 1, 'a')")
	catalog := &Catalog{Pipeline: "p", Sink: "s", AddColumns: c.adds}
	_, err := r.apply(catalog, r.pull())
	r.must(err)
	r.stop()
	r.exec("INSERT INTO " + schema + ".t VALUES (2, 2, 'b')")
	for _, sql := range c.statements {
		r.exec(strings.ReplaceAll(sql, "S.", schema+"."))
	}
	for len(r.started) > 0 {
		<-r.started
	}
	r.stream()
	changes := r.pull()
	var fixes []string
	for len(fixes) < 5 {
		var err error
		for len(changes) > 0 && err == nil { // one transaction at a time
			n := slices.IndexFunc(changes, func(ch capture.Change) bool { return ch.Tx.XID != changes[0].Tx.XID })
			if n < 0 {
				n = len(changes)
			}
			if _, err = r.apply(catalog, changes[:n]); err == nil {
				changes = changes[n:]
			}
		}
		if err == nil {
			break
		}
		var p *capture.Problem
		if !errors.As(err, &p) {
			r.t.Fatal(err)
		}
		fixes = append(fixes, p.Fix)
		r.target.ExecIn(r.t, r.to, p.Fix)
	}
	if !slices.EqualFunc(fixes, c.fixes, strings.Contains) {
		r.t.Errorf("%d fixes, want %q:\n%s", len(fixes), c.fixes, strings.Join(fixes, "\n\n"))
	}
	if c.differs {
		r.repairTypes(catalog, schema)
	}
	r.wantTypes(c, schema)
	if c.differs {
		if all := strings.Join(fixes, "\n"); strings.Contains(all, "DROP") || strings.Contains(all, "RENAME") {
			r.t.Errorf("a fix guesses: %s", all)
		}
		return
	}
	columns := "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute WHERE attrelid = '" + schema + ".t'::regclass AND attnum > 0 AND NOT attisdropped"
	rows := "SELECT string_agg((t.*)::text, ' ' ORDER BY id) FROM (SELECT " + r.source.Query(r.t, r.from, columns) + " FROM " + schema + ".t) t"
	if got, want := r.target.Query(r.t, r.to, rows), r.source.Query(r.t, r.from, rows); got != want {
		r.t.Errorf("the target has %s, the source %s", got, want)
	}
}

// repairTypes alters the target as verify -repair does, and follows its fix.
func (r *rig) repairTypes(c *Catalog, schema string) {
	r.reconnect() // whose first shape has certain numbers
	r.exec("DELETE FROM " + schema + ".t WHERE id = 1")
	changes := r.pull()
	repair := *c
	repair.AddColumns, repair.Repairs = true, true
	_, err := r.apply(&repair, changes)
	var p *capture.Problem
	if errors.As(err, &p) {
		r.target.ExecIn(r.t, r.to, p.Fix)
		_, err = r.apply(&repair, changes)
	}
	r.must(err)
}

// wantTypes expects that each column of the source's has the same type in the target.
func (r *rig) wantTypes(c behindCase, schema string) {
	query := "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attname) FROM pg_attribute WHERE attrelid = '" + schema +
		".t'::regclass AND attnum > 0 AND NOT attisdropped"
	have := strings.Split(r.target.Query(r.t, r.to, query), ", ")
	for _, want := range strings.Split(r.source.Query(r.t, r.from, query), ", ") {
		if c.differs && !slices.Contains(have, want) {
			r.t.Errorf("the target's columns are %q, without the source's %s", have, want)
		}
	}
}
