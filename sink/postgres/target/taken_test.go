package target

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// Whatever prevents the use of a table is reported with a fix; an existing table is adopted where it fits.
func TestTargets(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.exec("CREATE SCHEMA a", "CREATE SCHEMA b", "CREATE TABLE a.t (id int PRIMARY KEY, v text)", "CREATE TABLE b.t (id int PRIMARY KEY, v text)",
			"CREATE DOMAIN a.tag AS varchar(5)", "CREATE TABLE a.wide (id bigint PRIMARY KEY, n numeric(5,2), v varchar(5), g a.tag, d date, r real)",
			`CREATE COLLATION a.mine (provider = icu, locale = 'de')`, "CREATE TABLE a.ordered (id text COLLATE a.mine PRIMARY KEY)",
			"CREATE TYPE a.own", "CREATE FUNCTION a.own_in(cstring) RETURNS a.own IMMUTABLE STRICT LANGUAGE internal AS 'int4in'",
			"CREATE FUNCTION a.own_out(a.own) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'int4out'",
			"CREATE TYPE a.own (input = a.own_in, output = a.own_out, like = int4)", "CREATE TABLE a.owned (id a.own)",
			"CREATE TABLE a.keyed (id int PRIMARY KEY)", "CREATE TYPE a.mood AS ENUM ('x')", "CREATE TABLE a.moody (m a.mood)")
		r.stream()
		of := func(insert string) []capture.Change { r.exec("INSERT INTO " + insert); return r.pull() }
		both := append(of("a.t VALUES (1, 'a')"), of("b.t VALUES (1, 'b')")...)
		one := &Catalog{Pipeline: "one", Sink: "s", Schema: "copy"}
		refused := func(c *Catalog, changes []capture.Change, state, reason, fix string) string {
			t.Helper()
			_, err := r.apply(c, changes)
			return wantProblem(t, err, state, reason, fix).Fix
		}
		t.Run("two tables of one sink", func(*testing.T) {
			refused(one, both, "table_taken", `"copy"."t" is filled from a.t already, so b.t has no place`, "DELETE FROM tailrace.tables")
		})
		_, err := r.apply(one, both[:1])
		r.must(err)
		t.Run("another pipeline", func(t *testing.T) {
			two := &Catalog{Pipeline: "two", Sink: "s", Schema: "copy"}
			fix := refused(two, both[1:], "table_taken", `"copy"."t" is filled by sink s of pipeline one, from a.t`, "a schema of its own")
			r.target.ExecIn(t, r.to, fix, "TRUNCATE copy.t")
			_, err := r.apply(two, both[1:])
			r.must(err)
			r.equal("b", "t", "copy", "t")
			err = one.enter(t.Context(), r.conn, []entry{{Schema: "copy", Table: "t", Source: "t", SourceSchema: "a", Columns: []known{}}})
			if p := capture.AsProblem(err); p == nil || p.State != "target_changing" {
				t.Errorf("an entry of another pipeline is overwritten: %v", err)
			}
		})
		t.Run("a wider table that was there", func(t *testing.T) {
			r.target.ExecIn(t, r.to, "CREATE SCHEMA own; CREATE TABLE own.wide (loaded timestamptz DEFAULT now(), v text, "+
				"id numeric UNIQUE, n numeric, g varchar(9), twice numeric GENERATED ALWAYS AS (n * 2) STORED, d date, r float8)")
			all, err := r.apply(&Catalog{Pipeline: "one", Sink: "own", Schema: "own"}, of("a.wide VALUES (1, 1.5, 'v', 'g', '2026-01-01', 0.5)"))
			r.must(err)
			r.equal("a", "wide", "own", "wide")
			rel := all["a.wide"]
			if rel.Empty || rel.Columns[0].Type != "numeric" || rel.Columns[2].Type != "text" || len(rel.Columns) != 6 {
				t.Errorf("%+v", rel)
			}
			r.exec("ALTER TABLE a.wide ALTER r TYPE float8") // 0.1 would be 0.10000000149011612 now, and the target is unchanged
			refused(&Catalog{Pipeline: "one", Sink: "own", Schema: "own"}, of("a.wide VALUES (2, 1.5, 'v', 'g', '2026-01-01', 0.5)"), halts,
				"column r has become double precision, and its values other ones", `"Type":"double precision"`)
		})
		t.Run("a collation that is missing", func(t *testing.T) {
			all, err := r.apply(one, of("a.ordered VALUES ('ä')"))
			r.must(err)
			if n := all["a.ordered"].Notes; len(n) != 1 || !strings.Contains(n[0], "there is no a.mine in the target") {
				t.Errorf("notes %q", n)
			}
		})
		t.Run("a type in C", func(*testing.T) {
			refused(one, of("a.owned VALUES ('5')"), "type_missing", "no type a.own, which is made by functions in C", "leave the column out")
		})
		t.Run("another type of the name", func(t *testing.T) {
			r.target.ExecIn(t, r.to, "CREATE DOMAIN copy.mood AS text")
			changes := of("a.moody VALUES ('x')")
			fix := refused(one, changes, "type_taken", `type "copy"."mood" of the target is not what a.mood is`, "RENAME TO")
			r.target.ExecIn(t, r.to, fix)
			_, err := r.apply(one, changes)
			r.must(err)
			r.equal("a", "moody", "copy", "moody")
		})
		t.Run("no rights", func(t *testing.T) {
			role := "role_" + r.to
			r.target.ExecIn(t, r.to, "CREATE ROLE "+role, "GRANT USAGE ON SCHEMA copy, tailrace TO "+role,
				"GRANT ALL ON tailrace.tables, tailrace.types TO "+role)
			defer r.target.ExecIn(t, r.to, "DROP OWNED BY "+role, "DROP ROLE "+role)
			changes := of("a.keyed VALUES (1)")
			r.must(exec(t.Context(), r.conn, "SET ROLE "+role))
			fix := refused(one, changes, "target_denied", "may not make or alter what a.keyed needs", `CREATE TABLE "copy"."keyed"`)
			r.target.ExecIn(t, r.to, fix, "GRANT ALL ON copy.keyed TO "+role)
			_, err := r.apply(one, changes)
			r.must(err)
			r.must(exec(t.Context(), r.conn, "RESET ROLE"))
			r.equal("a", "keyed", "copy", "keyed")
		})
	})
}
