package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// rowsNotCopied is the state of a pipeline with tables whose older rows are in no copy.
const rowsNotCopied = "rows_not_copied"

// lacks waits until everything of the stream is durable while the daemon warns that rows of exactly these tables are missing.
func (p *pair) lacks(i int, tables string) {
	p.Helper()
	p.until("rows of "+tables+" are missing", func() bool {
		st := p.status(i).State
		return st.Name == rowsNotCopied && st.Kind == pipeline.Warning && strings.HasSuffix(st.Reason, "not in the stream: "+tables)
	})
	tailrace(p.T, "wait", "-pipeline", p.name, "-url", p.running[i].url).expect(p.T, 0, "every sink holds everything up to", "")
}

// copiesRows follows the fix of rows_not_copied: the commands for a replica, and the acceptance.
func (p *pair) copiesRows(i int) {
	p.Helper()
	commands := regexp.MustCompile("`tailrace (verify [^`]*)`").FindAllStringSubmatch(p.status(i).State.Fix, -1)
	for _, command := range commands {
		if p.target != "" {
			tailrace(p.T, strings.Fields(command[1])...).expect(p.T, 0, "repaired", "")
		}
	}
	if len(commands) == 0 {
		p.Errorf("no command to copy rows: %s", p.status(i).State.Fix)
	}
	p.accept(rowsNotCopied, "that were written before it joined the publication")
	p.held(i)
}

// restart stops and starts a daemon.
func (p *pair) restart(i int) {
	p.Helper()
	p.stop(i)
	p.start(i)
}

// TestTablesThatJoinAManagedPublication: tables that a wildcard takes are created, moved into the schema and renamed with rows, while
// the daemon runs and while it does not. A state names those that have rows, over restarts, until they are copied and accepted.
func TestTablesThatJoinAManagedPublication(t *testing.T) {
	everyPair(t, func(p *pair) {
		p.edit(0, `["public.*"]`, `["public.*"]`+"\n except = [\"public.hidden*\"]")
		p.exec("INSERT INTO t VALUES (1)", "CREATE SCHEMA other", "CREATE TABLE other.v (id int PRIMARY KEY)", "INSERT INTO other.v VALUES (1)",
			"CREATE TABLE hidden1 (id int PRIMARY KEY)", "INSERT INTO hidden1 VALUES (1)")
		p.start(0)
		p.held(0)
		p.exec("CREATE TABLE w (id int PRIMARY KEY)", "INSERT INTO w VALUES (1), (2)", "CREATE TABLE empty (id int PRIMARY KEY)",
			"CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE parts1 PARTITION OF parts DEFAULT",
			"INSERT INTO parts VALUES (1)")
		p.state(0, "tables_unpublished", pipeline.Active)
		p.restart(0)
		p.lacks(0, "public.parts, public.w")
		p.exec("INSERT INTO w VALUES (3)", "INSERT INTO empty VALUES (1)")
		p.lacks(0, "public.parts, public.w")
		if got := p.ids("w", false) + ", " + p.ids("empty", false); got != "3, 1" {
			p.Errorf("of w and empty the sink has %s", got)
		}
		p.restart(0)
		p.lacks(0, "public.parts, public.w")
		p.stop(0)
		p.exec("ALTER TABLE other.v SET SCHEMA public", "ALTER TABLE hidden1 RENAME TO x", "ALTER TABLE w ADD c bigserial", "VACUUM FULL w")
		p.start(0)
		p.lacks(0, "public.parts, public.v, public.w, public.x")
		p.restart(0)
		p.lacks(0, "public.parts, public.v, public.w, public.x")
		p.exec("TRUNCATE x")
		p.lacks(0, "public.parts, public.v, public.w")
		p.copiesRows(0)
		p.restart(0)
		p.held(0)
		p.exec("INSERT INTO v VALUES (2)", "INSERT INTO x VALUES (2)")
		p.held(0)
		if p.target != "" {
			for _, table := range []string{"empty", "parts", "v", "w", "x"} {
				p.same(table)
			}
		}
		p.stop(0)
	})
}

// TestTablesThatJoinAnAdministratorsPublication: tables are added to it by name, moved into a schema that it includes, or created there.
func TestTablesThatJoinAnAdministratorsPublication(t *testing.T) {
	everyPair(t, func(p *pair) {
		p.edit(0, `tables = ["public.*"]`, fmt.Sprintf("manage = false\n publication = %q", p.name+"_all"))
		add := fmt.Sprintf("ALTER PUBLICATION %q ADD ", p.name+"_all")
		p.exec("CREATE SCHEMA whole", "CREATE TABLE v (id int PRIMARY KEY)", "INSERT INTO v VALUES (1)",
			fmt.Sprintf("CREATE PUBLICATION %q FOR TABLE t, u, TABLES IN SCHEMA whole WITH (publish_via_partition_root)", p.name+"_all"))
		p.start(0)
		p.held(0)
		p.exec("CREATE TABLE w (id int PRIMARY KEY)", "INSERT INTO w VALUES (1), (2)", add+"TABLE w")
		p.lacks(0, "public.w")
		p.exec("CREATE TABLE whole.born (id int PRIMARY KEY)", "INSERT INTO whole.born VALUES (1)", "ALTER TABLE v SET SCHEMA whole")
		p.lacks(0, "public.w, whole.v")
		p.restart(0)
		p.lacks(0, "public.w, whole.v")
		p.stop(0)
		p.exec("CREATE TABLE x (id int PRIMARY KEY)", "INSERT INTO x VALUES (1)", add+"TABLE x", "CREATE SCHEMA late",
			"CREATE TABLE late.y (id int PRIMARY KEY)", "INSERT INTO late.y VALUES (1)", add+"TABLES IN SCHEMA late")
		p.start(0)
		p.lacks(0, "late.y, public.w, public.x, whole.v")
		p.copiesRows(0)
		p.restart(0)
		p.held(0)
		if p.target != "" {
			for _, table := range []string{"w", "x", "whole.v", "whole.born", "late.y"} {
				p.same(table)
			}
		}
		p.stop(0)
	})
}

// TestTablesThatJoinWithoutARecord: a sink that keeps no record. The publication's comment has the tables until the operator removes it.
func TestTablesThatJoinWithoutARecord(t *testing.T) {
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
			p.exec("CREATE TABLE w (id int PRIMARY KEY)", "INSERT INTO w VALUES (1)", fmt.Sprintf("COMMENT ON PUBLICATION %q IS 'mine'", p.published))
			p.restart(0)
			p.lacks(0, "public.w")
			p.exec("INSERT INTO w VALUES (2)")
			p.until("the comment has the table", func() bool {
				comment := p.server.Query(p, p.database, "SELECT obj_description(oid, 'pg_publication') FROM pg_publication WHERE pubname = '"+p.published+"'")
				return strings.Contains(comment, "public.w (") && strings.HasSuffix(comment, "\nmine")
			})
			p.restart(0)
			p.lacks(0, "public.w")
			p.restart(0)
			p.lacks(0, "public.w")
			fix := regexp.MustCompile(`COMMENT ON .*;`).FindString(p.status(0).State.Fix)
			if !strings.Contains(fix, "'mine'") {
				p.Errorf("the fix removes the administrator's comment: %s", p.status(0).State.Fix)
			}
			p.exec(fix)
			p.held(0)
			p.restart(0)
			p.held(0)
			p.stop(0)
		})
	}
}
