package target

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// TestCompareUnder names the source table that has the place of another one after an exchange of names, with a schema for all tables
// and without.
func TestCompareUnder(t *testing.T) {
	was, other := &entry{SourceSchema: "s", Source: "a"}, &entry{Schema: "x", Table: "b"}
	for schema, want := range map[string]string{"": "x.b", "copy": "s.b"} {
		if have := (&Catalog{Schema: schema}).sourceAt(was, other); have != want {
			t.Errorf("%q: have %s, want %s", schema, have, want)
		}
	}
	const want = "-- where an earlier fix names s.a, then, when the pipeline is streaming and has caught up: tailrace verify -repair -table 'x.B b' FILE\n"
	if have := compareUnder(was, "x.B b"); have != want {
		t.Errorf("have %q, want %q", have, want)
	}
}

// TestRenames: tables are renamed between their rows, in cycles too, in one transaction or in several. The fixes that are printed lead
// to equal tables, although rows under former names come again afterwards.
func TestRenames(t *testing.T) {
	const ab = "ALTER TABLE S.a RENAME TO x; ALTER TABLE S.b RENAME TO a; ALTER TABLE S.x RENAME TO b; "
	const abc = "ALTER TABLE S.c RENAME TO x; ALTER TABLE S.b RENAME TO c; ALTER TABLE S.a RENAME TO b; ALTER TABLE S.x RENAME TO a; "
	rows := func(n int, tables ...string) (sql string) {
		for _, table := range tables {
			sql += fmt.Sprintf("UPDATE S.%s SET v = v || '%d'; INSERT INTO S.%s VALUES (%d, '%s'); ", table, n, table, n, table)
		}
		return sql
	}
	bothWays(t, func(t *testing.T, r *rig) {
		r.stream()
		for i, c := range []struct {
			name   string
			sql    []string
			states []string
		}{
			{"two", []string{ab + rows(2, "a", "b")}, []string{"table_renamed"}},
			{"two, with rows before", []string{rows(2, "a", "b") + ab + rows(3, "b", "a")}, []string{"table_renamed"}},
			{"three", []string{abc + rows(2, "a", "b", "c")}, []string{"table_renamed", "table_renamed"}},
			{"three, with rows before", []string{rows(2, "c", "b", "a") + abc + rows(3, "c", "b", "a")}, []string{"table_renamed", "table_renamed"}},
			{"two, and back", []string{ab, rows(2, "a", "b"), ab, rows(3, "b", "a")}, []string{"table_renamed", "table_renamed"}},
			{"one", []string{rows(2, "a") + "ALTER TABLE S.a RENAME TO d; " + rows(3, "d")}, []string{"table_renamed"}},
			{
				"one, and another table gets its name",
				[]string{"ALTER TABLE S.a RENAME TO d; CREATE TABLE S.a (id int PRIMARY KEY, w int); INSERT INTO S.a VALUES (1, 1); " + rows(2, "d")},
				[]string{"table_recreated", "table_renamed"},
			},
			{
				"one exchanges names with a new one",
				[]string{"CREATE TABLE S.d (id int PRIMARY KEY, v text); ALTER TABLE S.d RENAME TO x; ALTER TABLE S.a RENAME TO d; ALTER TABLE S.x RENAME TO a; " +
					rows(2, "a", "d")},
				[]string{"table_recreated", "table_renamed"},
			},
		} {
			schema := fmt.Sprintf("r%d", i)
			in := func(sql string) string { return strings.ReplaceAll(sql, "S.", schema+".") }
			r.exec("CREATE SCHEMA " + schema)
			for _, table := range []string{"a", "b", "c"} {
				r.exec(in("CREATE TABLE S."+table+" (id int PRIMARY KEY, v text)"), in("INSERT INTO S."+table+" VALUES (1, '"+table+"')"))
			}
			catalog := &Catalog{Pipeline: "p", Sink: "s"}
			_, err := r.apply(catalog, r.pull())
			r.must(err)
			var states []string
			for _, sql := range c.sql {
				r.exec(in(sql))
				for changes := r.pull(); ; {
					_, err := r.apply(catalog, changes)
					p := capture.AsProblem(err)
					if p == nil {
						r.must(err)
						break
					}
					if states = append(states, p.State); len(states) > len(c.states) {
						t.Fatalf("%s: %s: %s\n%s", c.name, states, p, p.Fix)
					}
					r.target.ExecIn(t, r.to, p.Fix)
				}
			}
			if !slices.Equal(states, c.states) {
				t.Errorf("%s: the states are %s, want %s", c.name, states, c.states)
			}
			for _, table := range []string{"a", "b", "c", "d"} {
				if r.source.Query(t, r.from, "SELECT to_regclass('"+schema+"."+table+"') IS NOT NULL") == "true" {
					r.equal(schema, table, schema, table)
				}
			}
		}
	})
}
