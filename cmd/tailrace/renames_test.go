package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// swapTables exchanges the names of t and u.
const swapTables = "BEGIN; ALTER TABLE t RENAME TO former; ALTER TABLE u RENAME TO t; ALTER TABLE former RENAME TO u; COMMIT"

// follow executes the SQL of the fix of a replica that is halted in a state.
func (p *pair) follow(i int, state string) {
	p.Helper()
	p.halts(i, state)
	fix := p.status(i).Sinks[0].State.Fix
	if fix == "" {
		p.Fatalf("%s has no fix", state)
	}
	p.targets.ExecIn(p, p.target, fix)
}

// same checks that the replica has the rows of a table, duplicates included.
func (p *pair) same(table string) {
	p.Helper()
	query := "SELECT coalesce(string_agg(r::text, ' ' ORDER BY r::text), '') FROM " + table + " r"
	if got, want := p.targets.Query(p, p.target, query), p.server.Query(p, p.database, query); got != want {
		p.Errorf("of %s the replica has %s, the source %s", table, got, want)
	}
}

// TestTablesSwappedWithABacklog: two tables exchange their names while the daemon is down, with changes before and after it. Each
// change comes under the name that its table had then, and a replica halts with the SQL that exchanges its own.
func TestTablesSwappedWithABacklog(t *testing.T) {
	everyPair(t, func(p *pair) {
		p.exec("INSERT INTO t VALUES (1)", "INSERT INTO u VALUES (101)")
		p.start(0)
		p.held(0)
		p.stop(0)
		p.exec("INSERT INTO t VALUES (2)", "INSERT INTO u VALUES (102)", swapTables, "INSERT INTO t VALUES (103)", "INSERT INTO u VALUES (3)")
		p.start(0)
		if p.target != "" {
			p.follow(0, "table_renamed")
			p.held(0)
			p.same("t")
			p.same("u")
		} else {
			p.held(0)
			for table, want := range map[string]string{"t": "1 2 103", "u": "3 101 102"} {
				if got := p.ids(table, false); got != want {
					p.Errorf("of %s the topic has %s, want %s", table, got, want)
				}
			}
		}
		p.stop(0)
	})
}

// TestAKeylessTableRenamedInMidStream: a table without a key, under REPLICA IDENTITY FULL, gets another name between its changes.
func TestAKeylessTableRenamedInMidStream(t *testing.T) {
	everyPair(t, func(p *pair) {
		p.exec("CREATE TABLE k (id int, x int)", "ALTER TABLE k REPLICA IDENTITY FULL", "INSERT INTO k VALUES (1, 0), (1, 0), (2, 0)")
		p.start(0)
		p.held(0)
		p.exec("UPDATE k SET x = 1 WHERE id = 2; INSERT INTO k VALUES (3, 0)", "ALTER TABLE k RENAME TO m",
			"UPDATE m SET x = 2 WHERE id = 2; INSERT INTO m VALUES (4, 0)", "UPDATE m SET x = 3 WHERE ctid = (SELECT min(ctid) FROM m WHERE id = 1)")
		if p.target != "" {
			p.follow(0, "table_renamed")
			p.held(0)
			p.same("m")
		} else {
			p.held(0)
			for table, want := range map[string]string{"k": "1 2 3", "m": "1 2 4"} {
				if got := p.ids(table, false); got != want {
					p.Errorf("of %s the topic has %s, want %s", table, got, want)
				}
			}
		}
		p.stop(0)
	})
}

// TestVerifyFindsARenamedTable: a fix names a table that the source renames before the command runs, without a row under the new name.
func TestVerifyFindsARenamedTable(t *testing.T) {
	everyPair(t, func(p *pair) {
		if p.target == "" {
			return
		}
		p.exec("INSERT INTO t VALUES (1)")
		p.start(0)
		p.held(0)
		p.exec("ALTER TABLE t RENAME TO v")
		const said = "public.t is called public.v in the source now"
		tailrace(p.T, "verify", "-table", "public.t", p.files[0]).expect(p.T, 1, "public.v  no_table", said)
		tailrace(p.T, "verify", "-repair", "-table", "public.t", p.files[0]).expect(p.T, 1, `ALTER TABLE "public"."t" RENAME TO "v"`, said)
		p.exec("INSERT INTO v VALUES (2)")
		p.follow(0, "table_renamed")
		p.held(0)
		p.same("v")
		tailrace(p.T, "verify", "-table", "public.t", p.files[0]).expect(p.T, 2, "", `no publication has a table "public.t"`)
		p.stop(0)
	})
}

// TestAGeneratedColumnAddedWhileHalted: a replica is halted by a renamed column, and a generated one is added meanwhile, which the
// stream of Postgres 15 does not have. "add_columns" makes it; else the replica halts for it.
func TestAGeneratedColumnAddedWhileHalted(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		for _, mode := range []string{"halt", "add_columns"} {
			t.Run(fmt.Sprint(version, " ", mode), func(t *testing.T) {
				t.Parallel()
				p := openPair(t, testenv.SharedPostgres(t, version), "replica")
				p.edit(0, `sink "postgres" "s" {`, fmt.Sprintf("sink \"postgres\" \"s\" {\n on_schema_change = %q", mode))
				p.exec("ALTER TABLE t ADD x int", "INSERT INTO t VALUES (1, 7)")
				p.start(0)
				p.held(0)
				p.exec("ALTER TABLE t RENAME x TO y", "INSERT INTO t VALUES (2, 8)")
				p.halts(0, "schema_changed")
				p.exec("ALTER TABLE t ADD g int GENERATED ALWAYS AS (id * 2) STORED", "INSERT INTO t VALUES (3, 9)", "UPDATE t SET id = 4 WHERE id = 1")
				p.follow(0, "schema_changed")
				if mode == "halt" {
					p.until("column g halts", func() bool { return strings.Contains(p.status(0).Sinks[0].State.Reason, "column g is missing") })
					p.follow(0, "schema_changed")
				}
				p.state(0, "streaming", pipeline.Active)
				p.held(0)
				p.same("t")
				tailrace(p.T, "verify", p.files[0]).expect(p.T, 0, "public.t: 3 rows compared, the same", "")
				p.stop(0)
			})
		}
	}
}

// TestKafkaHasTheColumnsOfTheirTime: a backlog over a swap of two columns, and over one that is dropped and added again.
func TestKafkaHasTheColumnsOfTheirTime(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			p := openPair(t, testenv.SharedPostgres(t, version), "kafka")
			p.exec("ALTER TABLE t ADD a int, ADD b int")
			p.start(0)
			p.held(0)
			p.stop(0)
			p.exec("INSERT INTO t VALUES (1, 10, 20)",
				"ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME c TO b", "INSERT INTO t VALUES (2, 10, 20)",
				"ALTER TABLE t DROP b, ADD b text", "INSERT INTO t VALUES (3, 20, 'x')", "ALTER TABLE t DROP a", "INSERT INTO t VALUES (4, 'y')")
			p.start(0)
			p.held(0)
			var rows []string
			for _, m := range recordsIn(p.T, p.kafka, p.name) {
				var event struct{ Row json.RawMessage }
				if err := json.Unmarshal(m.Value, &event); err != nil {
					p.Fatal(err)
				}
				if row := string(event.Row); !slices.Contains(rows, row) { // some come twice
					rows = append(rows, row)
				}
			}
			want := `{"id":1,"a":10,"b":20} {"id":2,"b":10,"a":20} {"id":3,"a":20,"b":"x"} {"id":4,"b":"y"}`
			if got := strings.Join(rows, " "); got != want {
				p.Errorf("got  %s\nwant %s", got, want)
			}
			p.stop(0)
		})
	}
}

// TestTablesOfStandardOutput: a sink that keeps no record. Tables exchange their names while the daemon is down, and one is created
// while it runs.
func TestTablesOfStandardOutput(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			p := openPair(t, testenv.SharedPostgres(t, version), "stdout")
			p.wildcard()
			p.start(0)
			p.held(0)
			p.stop(0)
			p.exec("INSERT INTO t VALUES (2)", "INSERT INTO u VALUES (102)", swapTables, "INSERT INTO t VALUES (103)", "INSERT INTO u VALUES (3)")
			p.start(0)
			p.held(0)
			p.printed("t 2, u 102, t 103, u 3")
			p.exec("CREATE TABLE w (id int PRIMARY KEY)", "INSERT INTO w VALUES (1)", "INSERT INTO t VALUES (104)")
			p.state(0, "tables_unpublished", pipeline.Active)
			st := p.status(0).State
			if st.Kind != pipeline.Warning || !strings.HasPrefix(st.Reason, "public.w: ") || !strings.Contains(st.Fix, "restart the daemon") {
				p.Errorf("%+v", st)
			}
			tailrace(p.T, "wait", "-pipeline", p.name, "-url", p.running[0].url).expect(p.T, 0, "every sink holds everything up to", "")
			p.printed("t 2, u 102, t 103, u 3, t 104")
			p.restart(0)
			p.lacks(0, "public.w")
			p.exec("INSERT INTO w VALUES (2)")
			p.lacks(0, "public.w")
			p.printed("w 2")
			p.stop(0)
		})
	}
}

// printed checks which rows the running daemon has printed.
func (p *pair) printed(want string) {
	p.Helper()
	var rows []string
	for line := range strings.Lines(p.running[0].out.String()) {
		var event struct {
			Table string
			Row   struct{ ID int }
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			p.Fatalf("%v: %s", err, line)
		}
		rows = append(rows, fmt.Sprintf("%s %d", event.Table, event.Row.ID))
	}
	if got := strings.Join(rows, ", "); got != want {
		p.Errorf("it has printed %s, want %s", got, want)
	}
}
