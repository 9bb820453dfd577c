package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/testenv"
)

// renameCycle is the SQL that gives each table the name of the next one.
func renameCycle(tables ...string) string {
	sql := "ALTER TABLE " + tables[len(tables)-1] + " RENAME TO aside; "
	for i := len(tables) - 2; i >= 0; i-- {
		sql += fmt.Sprintf("ALTER TABLE %s RENAME TO %s; ", tables[i], tables[i+1])
	}
	return sql + "ALTER TABLE aside RENAME TO " + tables[0] + "; "
}

// rowsIn is the SQL that changes a row of every table and adds one.
func rowsIn(n int, tables ...string) (sql string) {
	for _, table := range tables {
		sql += fmt.Sprintf("UPDATE %s SET x = x || ' %d'; INSERT INTO %s VALUES (%d, 'as %s'); ", table, n, table, n, table)
	}
	return sql
}

// settles follows the SQL of every fix of table_renamed until everything is durable.
func (p *pair) settles(most int) {
	p.Helper()
	followed := 0
	p.until("everything is durable", func() bool {
		halted := p.is(0, "table_renamed")
		if halted {
			fix := p.status(0).Sinks[0].State.Fix
			if followed++; followed > most {
				p.Fatalf("fix %d: %s", followed, fix)
			}
			p.targets.ExecIn(p, p.target, fix)
			for began := time.Now(); p.status(0).Sinks[0].State.Fix == fix && time.Since(began) < 30*time.Second; {
				time.Sleep(20 * time.Millisecond)
			}
		}
		return !halted && p.caughtUp()
	})
}

// caughtUp reports whether the sink has everything within a second.
func (p *pair) caughtUp() bool {
	return tailrace(p.T, "wait", "-pipeline", p.name, "-timeout", "1s", "-url", p.running[0].url).code == 0
}

// TestTablesRenamedInCycles: tables exchange their names, two or three of them, with rows under the former and the present names in one
// transaction or in several, while the daemon runs or is down. The printed SQL leads to equal tables.
func TestTablesRenamedInCycles(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	const begin, commit = "BEGIN; ", "COMMIT"
	for name, c := range map[string]struct {
		sql  []string
		most int // fixes
	}{
		"two, in one transaction with rows":   {[]string{begin + rowsIn(2, "a", "b") + renameCycle("a", "b") + rowsIn(3, "a", "b") + commit}, 1},
		"three":                               {[]string{rowsIn(2, "a", "b", "c"), begin + renameCycle("a", "b", "c") + commit, rowsIn(3, "a", "b", "c")}, 2},
		"three, the other way":                {[]string{rowsIn(2, "a", "b", "c"), begin + renameCycle("c", "b", "a") + commit, rowsIn(3, "b", "a", "c")}, 2},
		"three, in one transaction with rows": {[]string{begin + rowsIn(2, "a", "b", "c") + renameCycle("a", "b", "c") + rowsIn(3, "c", "b", "a") + commit}, 2},
		"two, and back": {[]string{
			begin + renameCycle("a", "b") + commit, rowsIn(2, "a", "b"), begin + renameCycle("a", "b") + commit, rowsIn(3, "b", "a"),
		}, 2},
		"two, and one of them with a third": {[]string{
			begin + renameCycle("a", "b") + commit, rowsIn(2, "b"), begin + renameCycle("b", "c") + commit, rowsIn(3, "c", "b", "a"),
		}, 3},
		"renamed in one transaction with rows": {[]string{begin + rowsIn(2, "a") + "ALTER TABLE a RENAME TO d; " + rowsIn(3, "d") + commit}, 1},
	} {
		for _, version := range []int{testenv.Oldest, testenv.Newest} {
			down := version == testenv.Oldest
			t.Run(fmt.Sprintf("%d, %s", version, name), func(t *testing.T) {
				t.Parallel()
				p := openPair(t, testenv.SharedPostgres(t, version), "replica")
				p.wildcard()
				for _, table := range []string{"a", "b", "c"} {
					p.exec("CREATE TABLE "+table+" (id int PRIMARY KEY, x text)", "INSERT INTO "+table+" VALUES (1, '"+table+"')")
				}
				p.start(0)
				p.held(0)
				if down {
					p.stop(0)
				}
				p.exec(c.sql...)
				if down {
					p.start(0)
				}
				p.settles(c.most)
				for _, table := range []string{"a", "b", "c", "d"} {
					if p.server.Query(p, p.database, "SELECT to_regclass('"+table+"') IS NOT NULL") == "true" {
						p.same(table)
					}
				}
				p.stop(0)
			})
		}
	}
}
