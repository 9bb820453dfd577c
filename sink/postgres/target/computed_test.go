package target

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// computedCase is what happens to a table t (id int PRIMARY KEY, a int, g int GENERATED ALWAYS AS (a * 2) STORED).
type computedCase struct {
	name  string
	steps []string // each is one or more changes of the schema, then rows; S stands for the case's schema
	halts []string // the reasons, with on_schema_change = "halt"
	adds  []string // the same with "add_columns"
}

var computedCases = []computedCase{
	{
		name: "dropped, and a plain column added", halts: []string{"column g was dropped and added again"},
		steps: []string{"ALTER TABLE S.t DROP g, ADD g int DEFAULT 7; INSERT INTO S.t VALUES (2, 2, 9)"},
	},
	{
		name: "dropped, and a plain column added after a row", halts: []string{"column g was dropped and added again"},
		steps: []string{"ALTER TABLE S.t DROP g; INSERT INTO S.t VALUES (3, 3)", "ALTER TABLE S.t ADD g int DEFAULT 7; INSERT INTO S.t VALUES (2, 2, 9)"},
	},
	{
		name: "another expression under its name", halts: []string{"column g was dropped and added again"},
		steps: []string{"ALTER TABLE S.t DROP g, ADD g int GENERATED ALWAYS AS (a * 3) STORED; INSERT INTO S.t VALUES (2, 2)"},
	},
	{
		name: "a plain column becomes generated", halts: []string{"column p is missing", "column p was dropped and added again"},
		steps: []string{
			"ALTER TABLE S.t ADD p int NOT NULL DEFAULT 5; INSERT INTO S.t VALUES (2, 2, DEFAULT, 6)",
			"ALTER TABLE S.t DROP p, ADD p int GENERATED ALWAYS AS (a * 3) STORED; INSERT INTO S.t VALUES (3, 3)",
		},
	},
	{
		name: "renamed, and another one under its name", halts: []string{"column g is now called h"}, adds: []string{"column g is now called h"},
		steps: []string{"ALTER TABLE S.t RENAME g TO h; ALTER TABLE S.t ADD g int GENERATED ALWAYS AS (a * 3) STORED; INSERT INTO S.t VALUES (2, 2)"},
	},
	{
		name: "of another type", halts: []string{"column h is missing", "column h is numeric(12,2) in the source and integer in the target"},
		steps: []string{
			"ALTER TABLE S.t ADD h int GENERATED ALWAYS AS (a * 3) STORED; INSERT INTO S.t VALUES (2, 2)",
			"ALTER TABLE S.t ALTER h TYPE numeric(12,2); INSERT INTO S.t VALUES (3, 3)",
		},
	},
	{
		name: "added", halts: []string{"column h is missing"},
		steps: []string{"ALTER TABLE S.t ADD h int GENERATED ALWAYS AS (a * 3) STORED; INSERT INTO S.t VALUES (2, 2)"},
	},
}

// TestComputedColumns expects that generated columns follow the source, whether the stream carries them (from 18 on) or not.
func TestComputedColumns(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.stream()
		for i, c := range computedCases {
			for _, add := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%t", c.name, add), func(t *testing.T) {
					defer func(outer *testing.T) { r.t = outer }(r.t)
					r.t = t
					r.computed(c, fmt.Sprintf("s%d_%t", i, add), add)
				})
			}
		}
	})
}

func (r *rig) computed(c computedCase, schema string, add bool) {
	catalog, want := r.withComputed(schema, add), c.halts
	if add {
		want = c.adds
	}
	for i, step := range c.steps {
		statements := strings.Split(strings.ReplaceAll(step, "S.", schema+"."), "; ")
		rows := slices.IndexFunc(statements, func(s string) bool { return strings.HasPrefix(s, "INSERT") })
		r.exec(statements[:rows]...)
		r.reconnect() // so that the columns of each row are known
		r.exec(statements[rows:]...)
		want = r.follow(catalog, r.pull(), want, i)
	}
	if len(want) > 0 {
		r.t.Errorf("it did not say %q", want)
	}
	r.equal(schema, "t", schema, "t")
}

// withComputed creates the table t with a row on both sides.
func (r *rig) withComputed(schema string, add bool) *Catalog {
	r.exec("CREATE SCHEMA "+schema, "CREATE TABLE "+schema+".t (id int PRIMARY KEY, a int, g int GENERATED ALWAYS AS (a * 2) STORED)",
		"INSERT INTO "+schema+".t VALUES (1, 1)")
	catalog := &Catalog{Pipeline: "p", Sink: "s", AddColumns: add}
	_, err := r.apply(catalog, r.pull())
	r.must(err)
	return catalog
}

// TestNoLongerGenerated expects that the target takes the values of a column that the source does not generate any more.
func TestNoLongerGenerated(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		carried := r.source.Query(t, r.from, "SELECT current_setting('server_version_num')::int >= 180000") == "true"
		r.stream()
		for schema, add := range map[string]bool{"halting": false, "adding": true} {
			catalog := r.withComputed(schema, add)
			r.exec("ALTER TABLE "+schema+".t ALTER g DROP EXPRESSION", "INSERT INTO "+schema+".t VALUES (2, 2, 77)", "UPDATE "+schema+".t SET g = 55 WHERE id = 1")
			var want []string
			if !carried && !add {
				want = []string{"column g is generated in the target only"}
			}
			if left := r.follow(catalog, r.pull(), want, 0); len(left) > 0 {
				t.Errorf("%s: it did not say %q", schema, left)
			}
			r.equal(schema, "t", schema, "t")
		}
	})
}

// TestGeneratedInTheTargetOnly expects a fix where an operator's table generates a column that the source fills. A repair, after which
// all rows are compared, needs none.
func TestGeneratedInTheTargetOnly(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.stream()
		for schema, repairs := range map[string]bool{"streamed": false, "repaired": true} {
			r.exec("CREATE SCHEMA "+schema, "CREATE TABLE "+schema+".t (id int PRIMARY KEY, g int)", "INSERT INTO "+schema+".t VALUES (2, 9)")
			r.target.ExecIn(t, r.to, "CREATE SCHEMA "+schema, "CREATE TABLE "+schema+".t (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) STORED)")
			var want []string
			if !repairs {
				want = []string{"column g is generated in the target only"}
			}
			left := r.follow(&Catalog{Pipeline: "p", Sink: "s", AddColumns: true, Repairs: repairs}, r.pull(), want, 0)
			if len(left) > 0 {
				t.Errorf("%s: it did not say %q", schema, left)
			}
			r.equal(schema, "t", schema, "t")
		}
		if len(r.fixes) != 1 || !strings.Contains(r.fixes[0], "tailrace verify -repair -table streamed.t") {
			t.Errorf("the fixes are %q", r.fixes)
		}
	})
}

// TestAdoptedWithout expects a fix where an operator's table lacks a generated column, whether the stream carries it or not.
func TestAdoptedWithout(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE public.t (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) STORED)")
		r.target.ExecIn(t, r.to, "CREATE TABLE public.t (id int PRIMARY KEY)")
		r.stream()
		r.exec("INSERT INTO public.t VALUES (1)")
		if left := r.follow(&Catalog{Pipeline: "p", Sink: "s"}, r.pull(), []string{"column g is missing"}, 0); len(left) > 0 {
			t.Errorf("it did not say %q", left)
		}
		r.equal("public", "t", "public", "t")
	})
}

// TestLeftOutInTheTarget expects that a generated column that an operator has dropped stays away.
func TestLeftOutInTheTarget(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		if r.source.Query(t, r.from, "SELECT current_setting('server_version_num')::int >= 180000") == "true" {
			return // the stream carries it
		}
		r.stream()
		catalog := r.withComputed("own", false)
		r.target.ExecIn(t, r.to, "ALTER TABLE own.t DROP g")
		r.exec("ALTER TABLE own.t ADD b int", "INSERT INTO own.t VALUES (2, 2)")
		if left := r.follow(catalog, r.pull(), []string{"column b is missing"}, 0); len(left) > 0 {
			t.Errorf("it did not say %q", left)
		}
		if got := r.target.Query(t, r.to, "SELECT string_agg(t::text, ' ') FROM own.t"); got != "(1,1,) (2,2,)" {
			t.Errorf("the target has %s", got)
		}
	})
}
