package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// edit changes a text in a daemon's file.
func (p *pair) edit(i int, from, to string) {
	p.Helper()
	text := read(p.T, p.files[i])
	if !strings.Contains(text, from) {
		p.Fatalf("%q is not in the file: %s", from, text)
	}
	if err := os.WriteFile(p.files[i], []byte(strings.Replace(text, from, to, 1)), 0o600); err != nil {
		p.Fatal(err)
	}
}

// wildcard lets the files take every table of the schema.
func (p *pair) wildcard() {
	p.Helper()
	for i := range p.files {
		p.edit(i, `tables = ["public.t", "public.u"]`, `tables = ["public.*"]`)
	}
}

// ids are those of a table's rows that the sink has, or, with the source, that the source has.
func (p *pair) ids(table string, source bool) string {
	p.Helper()
	query := "SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM " + table
	switch {
	case source:
		return p.server.Query(p, p.database, query)
	case p.target != "":
		return p.targets.Query(p, p.target, query)
	}
	var ids []int
	for _, m := range recordsIn(p.T, p.kafka, p.name) {
		var event struct {
			Table string         `json:"table"`
			Row   map[string]int `json:"row"`
		}
		if json.Unmarshal(m.Value, &event) == nil && event.Table == table {
			ids = append(ids, event.Row["id"])
		}
	}
	slices.Sort(ids)
	return strings.Trim(fmt.Sprint(slices.Compact(ids)), "[]") // some come twice
}

// everyPair runs a test with both kinds of sinks, on the oldest and the newest Postgres.
func everyPair(t *testing.T, test func(*pair)) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		for _, kind := range sinkKinds {
			t.Run(fmt.Sprintf("Postgres %d, %s", version, kind), func(t *testing.T) {
				t.Parallel()
				p := openPair(t, testenv.SharedPostgres(t, version), kind)
				p.wildcard()
				test(p)
			})
		}
	}
}

// TestATableThatIsCreatedWhileTheDaemonRuns: a wildcard takes it, and nothing publishes it. A warning and a metric say so until the
// daemon that takes over publishes it; then another one says that its older rows are not copied. The fix of the conflict copies them.
func TestATableThatIsCreatedWhileTheDaemonRuns(t *testing.T) {
	everyPair(t, func(p *pair) {
		p.exec("INSERT INTO t VALUES (1)", "INSERT INTO u VALUES (1)")
		p.both()
		p.exec("CREATE TABLE w (id int PRIMARY KEY, x int)", "INSERT INTO w VALUES (1, 0), (2, 0), (3, 0)", "INSERT INTO t VALUES (2)")
		p.state(0, "tables_unpublished", pipeline.Active)
		st := p.status(0).State
		if st.Kind != pipeline.Warning || !strings.HasPrefix(st.Reason, "public.w: ") || !strings.Contains(st.Fix, "-repair "+p.files[0]) {
			p.Errorf("%+v", st)
		}
		metrics, _ := p.running[0].get("/metrics")
		for _, series := range []string{
			fmt.Sprintf("tailrace_source_tables_unpublished{pipeline=%q} 1", p.name),
			fmt.Sprintf(`tailrace_pipeline_state{kind="warning",pipeline=%q,state="tables_unpublished"} 1`, p.name),
		} {
			if !strings.Contains(metrics, series) {
				p.Errorf("no %s", series)
			}
		}
		if ready, err := p.running[0].get("/readyz?strict"); err != nil || !strings.Contains(ready, `"ready": true`) ||
			!strings.Contains(ready, "tables_unpublished") {
			p.Errorf("it is not ready: %s, %v", ready, err)
		}
		tailrace(p.T, "wait", "-pipeline", p.name, "-url", p.running[0].url).expect(p.T, 0, "every sink holds everything up to", "")
		p.has("1 2")
		if p.target != "" {
			tailrace(p.T, "verify", p.files[0]).expect(p.T, 1, "public.w  not_published", "")
			tailrace(p.T, "verify", "-table", "public.w", p.files[0]).expect(p.T, 1, "public.w  not_published", "")
			tailrace(p.T, "verify", "-table", "public.t", p.files[0]).expect(p.T, 0, "public.t: 2 rows compared, the same", "")
		}
		p.state(1, "standby", pipeline.Standby)
		p.stop(0)
		p.lacks(1, "public.w")
		p.exec("INSERT INTO w VALUES (4, 0)", "UPDATE w SET x = 1 WHERE id = 4")
		p.lacks(1, "public.w")
		if got := p.ids("w", false); got != "4" {
			p.Errorf("of w the sink has %q", got)
		}
		if p.target == "" {
			p.exec("UPDATE w SET x = 1 WHERE id = 1")
			p.lacks(1, "public.w")
		} else {
			p.copiesMissingRows()
		}
		p.stop(1)
	})
}

// copiesMissingRows changes a row of w that the replica never got, and follows the fix.
func (p *pair) copiesMissingRows() {
	p.Helper()
	p.exec("UPDATE w SET x = 1 WHERE id = 1", "DELETE FROM w WHERE id = 2")
	p.halts(1, "conflict_missing_row")
	fix := p.status(1).Sinks[0].State.Fix
	p.stop(1)
	p.edit(1, `sink "postgres" "s" {`, "sink \"postgres\" \"s\" {\n on_conflict = \"source_wins\"")
	p.start(1)
	p.lacks(1, "public.w")
	command := regexp.MustCompile("`tailrace (verify [^`]*)`").FindStringSubmatch(fix)
	if command == nil {
		p.Fatalf("no command in %s", fix)
	}
	tailrace(p.T, strings.Fields(command[1])...).expect(p.T, 0, "1 difference, repaired", "")
	p.stop(1)
	p.edit(1, `on_conflict = "source_wins"`, "")
	p.start(1)
	p.lacks(1, "public.w")
	p.exec("UPDATE w SET x = x + 1")
	p.lacks(1, "public.w")
	tailrace(p.T, "verify", "-fast", p.files[1]).expect(p.T, 0, "public.w: 3 rows compared, the same", "")
}

// TestATableDroppedAndMadeAgain: the pipeline halts, and the fix leads the other table on without a loss, and gives the table back
// with all its rows, while both are written to. A table that another one takes the place of goes the same way.
func TestATableDroppedAndMadeAgain(t *testing.T) {
	everyPair(t, func(p *pair) {
		change := "BEGIN; DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY); COMMIT"
		if p.server.Version == testenv.Newest {
			change = "CREATE SCHEMA other; CREATE TABLE other.t (id int CONSTRAINT other_key PRIMARY KEY); " +
				"BEGIN; ALTER TABLE t RENAME TO t_old; ALTER TABLE t_old SET SCHEMA other; ALTER TABLE other.t SET SCHEMA public; COMMIT"
		}
		p.exec("INSERT INTO t VALUES (0)", "INSERT INTO u VALUES (0)")
		p.start(0)
		p.held(0)
		stop := p.traffic()
		p.exec(change)
		p.halts(0, "publication_altered")
		if fix := p.status(0).State.Fix + p.status(0).Sinks[0].State.Fix; !strings.Contains(fix, "by except") ||
			!strings.Contains(fix, "another pipeline with such a table") {
			p.Errorf("the fix: %s", fix)
		}
		p.stop(0)
		p.edit(0, `tables = ["public.*"]`, "tables = [\"public.*\"]\n except = [\"public.t\"]")
		p.start(0)
		p.accept("publication_altered", "public.t")
		p.state(0, "streaming", pipeline.Active)
		if p.target != "" {
			p.comesBack(stop)
			return
		}
		p.stop(0)
		p.edit(0, "\npipeline ", fmt.Sprintf("\npipeline \"%s_t\" {\n source \"postgres\" {\n url = %q\n tables = [\"public.t\"]\n}\n%s\n}\npipeline ",
			p.name, p.server.URL(p.database), p.sink))
		p.start(0)
		p.held(0)
		stop()
		p.held(0)
		tailrace(p.T, "wait", "-pipeline", p.name+"_t", "-url", p.running[0].url).expect(p.T, 0, "every sink holds everything up to", "")
		if got, want := p.ids("u", false), p.ids("u", true); got != want {
			p.Errorf("of u the sink has %s, the source %s", got, want)
		}
		got, want := strings.Fields(p.ids("t", false)), strings.Fields(p.ids("t", true))
		if slices.ContainsFunc(want, func(id string) bool { return !slices.Contains(got, id) }) {
			p.Errorf("of t the sink has %s, the source %s", got, want)
		}
		p.stop(0)
	})
}

// comesBack adds t to the file again, and follows the fix of the replica's state.
func (p *pair) comesBack(stop func()) {
	p.Helper()
	p.stop(0)
	p.edit(0, "\n except = [\"public.t\"]", "")
	p.start(0)
	p.halts(0, "table_recreated")
	for line := range strings.Lines(p.status(0).Sinks[0].State.Fix) {
		p.targets.ExecIn(p, p.target, line)
	}
	p.lacks(0, "public.t")
	stop()
	p.lacks(0, "public.t")
	tailrace(p.T, "verify", "-repair", "-table", "public.t", p.files[0]).expect(p.T, 0, "repaired", "")
	for _, table := range []string{"t", "u"} {
		if got, want := p.ids(table, false), p.ids(table, true); got != want {
			p.Errorf("of %s the sink has %s, the source %s", table, got, want)
		}
	}
	p.stop(0)
}

// traffic writes to t and u until the function is called that it returns. While there is no t only u is written to.
func (p *pair) traffic() (stop func()) {
	p.Helper()
	conn, err := pgx.Connect(p.Context(), p.server.URL(p.database))
	if err != nil {
		p.Fatal(err)
	}
	ctx, cancel := context.WithCancel(p.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 1; ctx.Err() == nil; i++ {
			if _, err := conn.Exec(p.Context(), fmt.Sprintf("SELECT pg_sleep(0.01); INSERT INTO u VALUES (%d)", i)); err != nil {
				if p.Context().Err() == nil {
					p.Errorf("u: %v", err)
				}
				return
			}
			_, _ = conn.Exec(p.Context(), fmt.Sprintf("INSERT INTO t VALUES (%d)", i)) // there may be none
		}
	}()
	end := func() {
		cancel()
		<-done
		_ = conn.Close(context.Background())
	}
	p.Cleanup(end)
	return end
}
