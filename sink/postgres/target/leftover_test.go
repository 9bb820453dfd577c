package target

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// droppedCase is what happens to a table t. Each step is committed and written to the target separately. S stands for the case's
// schema.
type droppedCase struct {
	name  string
	steps []string // in the source; the first one creates the table; "target: ..." is run in the target
	halts []string // the reasons of the states with on_schema_change = halt
	adds  []string // with add_columns
	kept  string   // a query in the target that has to return 1
	lacks bool     // rows are left for verify -repair
}

var (
	long  = strings.Repeat("x", 40) + strings.Repeat("ä", 11) // 62 bytes
	taken = long[:52] + "_dropped_3"                          // the name that a column named long gets when it is dropped
)

const again = "column b was dropped and added again"

var droppedCases = []droppedCase{
	{name: "a row between", steps: []string{"ALTER TABLE S.t DROP b; INSERT INTO S.t VALUES (2, 2)", "ALTER TABLE S.t ADD b text; INSERT INTO S.t VALUES (3, 3, 'x')"}, halts: []string{again}, kept: `SELECT count(*) FROM "S"."t" WHERE b_dropped_3 = 'old'`},
	{name: "no row between", steps: []string{"ALTER TABLE S.t DROP b; ALTER TABLE S.t ADD b text; INSERT INTO S.t VALUES (3, 3, 'x')"}, halts: []string{again}, kept: `SELECT count(*) FROM "S"."t" WHERE b_dropped_3 = 'old'`},
	{name: "three times", steps: []string{"ALTER TABLE S.t DROP b; INSERT INTO S.t VALUES (2, 2)", "ALTER TABLE S.t ADD b text; UPDATE S.t SET b = 'second'", "ALTER TABLE S.t DROP b; ALTER TABLE S.t ADD b text DEFAULT 'third'; INSERT INTO S.t VALUES (4, 4)", "ALTER TABLE S.t DROP b; INSERT INTO S.t VALUES (5, 5)", "ALTER TABLE S.t ADD b text; INSERT INTO S.t VALUES (6, 6, 'y')"}, halts: []string{again, again, again}, kept: `SELECT count(*) FROM "S"."t" WHERE id = 1 AND b_dropped_3 = 'old'`},
	{name: "a long name, and the other one taken", steps: []string{`ALTER TABLE S.t RENAME b TO "` + long + `"; INSERT INTO S.t VALUES (2, 2, 'y')`, `ALTER TABLE S.t ADD "` + taken + `" int DEFAULT 1; ALTER TABLE S.t DROP "` + long + `"; ALTER TABLE S.t ADD "` + long + `" text; INSERT INTO S.t VALUES (3, 3, 2, 'x')`}, halts: []string{"column b is now called", "was dropped and added again"}, adds: []string{"column b is now called"}, kept: `SELECT count(*) FROM "S"."t" WHERE "` + taken + `_" = 'old'`},
	{name: "another type", steps: []string{"ALTER TABLE S.t DROP b; INSERT INTO S.t VALUES (2, 2)", "ALTER TABLE S.t ADD b int DEFAULT 4; INSERT INTO S.t VALUES (3, 3, 3)"}, halts: []string{again}},
	{name: "required", steps: []string{"ALTER TABLE S.t ALTER b SET NOT NULL", "ALTER TABLE S.t DROP b; INSERT INTO S.t VALUES (2, 2)", "ALTER TABLE S.t ADD b text NOT NULL DEFAULT 'z'; INSERT INTO S.t VALUES (3, 3, 'x')"}, halts: []string{again}},
	{name: "required from the start", steps: []string{"CREATE TABLE S.u (id int PRIMARY KEY, a text NOT NULL); ALTER TABLE S.u REPLICA IDENTITY FULL; INSERT INTO S.u VALUES (1, 'old')", "ALTER TABLE S.u DROP a; INSERT INTO S.u VALUES (2)", "ALTER TABLE S.u ADD a text NOT NULL DEFAULT 'n'; INSERT INTO S.u VALUES (3, 'x')"}, halts: []string{"column a of the target is NOT NULL", "column a was dropped and added again"}},
	{name: "renamed into a dropped name", steps: []string{"ALTER TABLE S.t DROP a; INSERT INTO S.t VALUES (2, 'b')", "ALTER TABLE S.t RENAME b TO a; INSERT INTO S.t VALUES (3, 'x')"}, halts: []string{"column a is what was called b"}, adds: []string{"column a is what was called b"}, kept: `SELECT count(*) FROM "S"."t" WHERE a_dropped_2 = 1`},
	{name: "renamed, and another one added", steps: []string{"ALTER TABLE S.t RENAME b TO c; ALTER TABLE S.t ADD b text DEFAULT 'n'; INSERT INTO S.t VALUES (3, 3, 'x', 'y')"}, halts: []string{"column b is now called c"}, adds: []string{"column b is now called c"}},
	{name: "nothing but null is left", steps: []string{"UPDATE S.t SET b = NULL", "ALTER TABLE S.t DROP b; INSERT INTO S.t VALUES (2, 2)", "ALTER TABLE S.t ADD b text; INSERT INTO S.t VALUES (3, 3, 'x')"}},
	{name: "no row is left", steps: []string{"DELETE FROM S.t", "ALTER TABLE S.t DROP b; ALTER TABLE S.t ADD b text DEFAULT 'v'; INSERT INTO S.t VALUES (3, 3, 'x')"}},
	{name: "of the target's own", steps: []string{`target: ALTER TABLE "S"."t" ADD c text; UPDATE "S"."t" SET c = 'mine'`, "UPDATE S.t SET a = 2; ALTER TABLE S.t ALTER b SET NOT NULL; UPDATE S.t SET a = 3", "ALTER TABLE S.t ADD c text; INSERT INTO S.t VALUES (3, 3, 'x', 'y')"}, halts: []string{"column c of the target is none of the source"}, adds: []string{"column c of the target is none of the source"}, kept: `SELECT count(*) FROM "S"."t" WHERE c_own_4 = 'mine'`},
	{name: "added in the target before", steps: []string{`target: ALTER TABLE "S"."t" ADD c int DEFAULT 7`, "ALTER TABLE S.t ALTER b SET NOT NULL; UPDATE S.t SET a = 3", "ALTER TABLE S.t ADD c int DEFAULT 7; INSERT INTO S.t VALUES (3, 3, 'x', 8)"}},
	{name: "replaced by a copy in the target", steps: []string{`target: ALTER TABLE "S"."t" ADD n bigint; UPDATE "S"."t" SET n = a; ALTER TABLE "S"."t" RENAME a TO a_old; ALTER TABLE "S"."t" RENAME n TO a`, "ALTER TABLE S.t ALTER b SET NOT NULL; UPDATE S.t SET a = 3", "ALTER TABLE S.t ALTER a TYPE bigint; INSERT INTO S.t VALUES (3, 3000000000, 'x')"}},
	{name: "after the entry was deleted", steps: []string{"ALTER TABLE S.t DROP b; INSERT INTO S.t VALUES (2, 2)", "target: DELETE FROM tailrace.tables", "ALTER TABLE S.t ALTER a SET NOT NULL; INSERT INTO S.t VALUES (4, 4)", "ALTER TABLE S.t ADD b text; INSERT INTO S.t VALUES (3, 3, 'x')"}, halts: []string{"column b of the target is none of the source"}, adds: []string{"column b of the target is none of the source"}},
	{name: "after the table was renamed", steps: []string{"ALTER TABLE S.t DROP b; INSERT INTO S.t VALUES (2, 2)", "ALTER TABLE S.t RENAME TO n; ALTER TABLE S.n RENAME COLUMN a TO b; INSERT INTO S.n VALUES (3, 3)", "ALTER TABLE S.n RENAME TO t; INSERT INTO S.t VALUES (4, 4)"}, halts: []string{"was called", "column b is what was called a", "was called"}, adds: []string{"was called", "column b is what was called a", "was called"}},
	{name: "the key, with values of its own", lacks: true, steps: []string{"ALTER TABLE S.t DROP id; ALTER TABLE S.t ADD id serial PRIMARY KEY; INSERT INTO S.t VALUES (3, 'x')", "UPDATE S.t SET b = 'y' WHERE id = 2"}, halts: []string{"column id of the key is missing", "no unique index on the key"}, adds: []string{"column id of the key is missing", "no unique index on the key"}, kept: `SELECT count(*) FROM "S"."t" WHERE (id, b) = (2, 'y')`},
	{name: "a column of the key", steps: []string{"ALTER TABLE S.t DROP id; INSERT INTO S.t VALUES (2, 'x')", "ALTER TABLE S.t ADD id int; INSERT INTO S.t VALUES (3, 'y', 3)"}, halts: []string{"column id of the target is NOT NULL", "column id was dropped and added again"}, adds: []string{"column id of the target is NOT NULL"}},
}

// A column that the source has dropped keeps its values in the target, under another name once its own is reused, and its values
// never appear in another column.
func TestDroppedColumns(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.stream()
		for i, c := range droppedCases {
			for _, add := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%t", c.name, add), func(t *testing.T) {
					defer func(outer *testing.T) { r.t = outer }(r.t)
					r.t = t
					r.dropped(c, fmt.Sprintf("d%d_%t", i, add), add)
				})
			}
		}
	})
}

func (r *rig) dropped(c droppedCase, schema string, add bool) {
	in := strings.NewReplacer(`"S"`, quote(schema), "S.", schema+".")
	catalog, want := &Catalog{Pipeline: "p", Sink: "s", AddColumns: add}, c.halts
	if add {
		want = c.adds
	}
	table := "t"
	r.exec("CREATE SCHEMA "+schema, in.Replace("CREATE TABLE S.t (id int PRIMARY KEY, a int, b text); ALTER TABLE S.t REPLICA IDENTITY FULL; INSERT INTO S.t VALUES (1, 1, 'old')"))
	for i, step := range append([]string{""}, c.steps...) {
		if sql, ok := strings.CutPrefix(step, "target: "); ok {
			r.target.ExecIn(r.t, r.to, in.Replace(sql))
			continue
		}
		if strings.Contains(step, "S.u") {
			table = "u"
		}
		r.step(in.Replace(step))
		want = r.follow(catalog, r.pull(), want, i)
	}
	if len(want) > 0 {
		r.t.Errorf("no state says %q", want)
	}
	if !c.lacks {
		r.equal(schema, table, schema, table)
	}
	if c.kept == "" {
		return
	}
	if got := r.target.Query(r.t, r.to, in.Replace(c.kept)); got != "1" {
		r.t.Errorf("%s: %s", c.kept, got)
	}
}

// step runs statements in the source. If a name comes to refer to another column, the source has seen that before the row.
func (r *rig) step(sql string) {
	r.t.Helper()
	statements := strings.Split(sql, "; ")
	last := len(statements) - 1
	if r.exec(statements[:last]...); last > 1 && strings.Contains(sql, " ADD ") {
		r.reconnect()
	}
	if statements[last] != "" {
		r.exec(statements[last])
	}
}

// follow writes changes and runs each fix exactly as given. It returns the expected reasons that have not occurred.
func (r *rig) follow(catalog *Catalog, changes []capture.Change, want []string, step int) []string {
	r.t.Helper()
	for range 4 {
		_, err := r.apply(catalog, changes)
		if err == nil {
			return want
		}
		p := capture.AsProblem(err)
		if p == nil || !p.Halted || len(want) == 0 || !strings.Contains(p.Reason, want[0]) {
			r.t.Fatalf("step %d: %v; want %q", step, err, want)
		}
		want = want[1:]
		r.fixes = append(r.fixes, p.Fix)
		r.target.ExecIn(r.t, r.to, p.Fix)
	}
	r.t.Fatalf("step %d halts again and again", step)
	return nil
}

// A transaction that drops a column and adds one with the same name between its rows is written completely: rows of the older
// shape go to their original column.
func TestDroppedColumnInOneTransaction(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.stream()
		for i, add := range []bool{false, true} {
			schema := fmt.Sprintf("o%d", i)
			catalog := &Catalog{Pipeline: "p", Sink: "s", AddColumns: add}
			r.exec("CREATE SCHEMA "+schema, strings.ReplaceAll("CREATE TABLE S.t (id int PRIMARY KEY, a int, b text); INSERT INTO S.t VALUES (1, 1, 'old')", "S.", schema+"."))
			r.follow(catalog, r.pull(), nil, 0)
			r.exec(strings.ReplaceAll("INSERT INTO S.t VALUES (2, 2, 'first'); ALTER TABLE S.t DROP b; ALTER TABLE S.t ADD b text DEFAULT 'n'; INSERT INTO S.t VALUES (3, 3, 'x')", "S.", schema+"."))
			changes, want := r.pull(), []string{again}
			for i, b := range []capture.Column{{Number: 3}, {Number: 4, Fill: capture.FillValue, Filled: "n"}} { // the column at the time of each row
				table := *changes[i].Table
				b.Name, b.Type, b.Modifier, b.Nullable = "b", table.Columns[2].Type, -1, true
				table.Columns = append(slices.Clone(table.Columns[:2]), b)
				changes[i].Table = &table
			}
			if add {
				want = nil
			}
			r.follow(catalog, changes, want, 1)
			r.equal(schema, "t", schema, "t")
			if got := r.target.Query(t, r.to, "SELECT string_agg(b_dropped_3, ',' ORDER BY id) FROM "+schema+".t"); got != "old,first" {
				t.Errorf("the dropped column has %s", got)
			}
		}
	})
}
