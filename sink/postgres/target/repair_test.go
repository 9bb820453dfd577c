package target

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// A repair gives the target the names that the source's columns have now, whatever the record says about their former names:
// without a row in between, the record is older than what an operator has renamed since.
func TestRepairRenames(t *testing.T) {
	for name, c := range map[string]struct {
		columns        string   // of the target's first shape, besides id
		source, target []string // statements before the repair
		row            string   // in the source afterwards
		want           string   // the target's columns
		did            string   // a statement of the repair
	}{
		"renamed": {
			columns: "a int", source: []string{"ALTER TABLE t RENAME a TO b"}, row: "2, 3", want: "id b",
			did: `RENAME COLUMN "a" TO "b"`,
		},
		"renamed in both, and back in the source": {
			columns: "a int", source: []string{"ALTER TABLE t RENAME a TO b", "ALTER TABLE t RENAME b TO a"},
			target: []string{"ALTER TABLE copy.t RENAME a TO b"}, row: "2, 3", want: "id a", did: `RENAME COLUMN "b" TO "a"`,
		},
		"renamed, dropped and added again": {
			columns: "a int, b int", source: []string{"ALTER TABLE t DROP a", "ALTER TABLE t RENAME b TO a", "ALTER TABLE t ADD b int"},
			row: "2, 3, 4", want: "id a_dropped_2 a b", did: `ADD COLUMN "b"`,
		},
		"dropped and added again while the target's was renamed": {
			columns: "a int", source: []string{"ALTER TABLE t DROP a", "ALTER TABLE t ADD a int"},
			target: []string{"ALTER TABLE copy.t RENAME a TO b"}, row: "2, 3", want: "id b a", did: `ADD COLUMN "a"`,
		},
		"names exchanged, and one added": {
			columns: "a int, b int", source: []string{
				"ALTER TABLE t RENAME a TO c", "ALTER TABLE t RENAME b TO a", "ALTER TABLE t RENAME c TO b", "ALTER TABLE t ADD c int",
			},
			row: "2, 3, 4, 5", want: "id b a c", did: `RENAME COLUMN "tailrace_2" TO "b"`,
		},
		"an operator's column has the name": {
			columns: "a int", source: []string{"ALTER TABLE t ADD b int"},
			target: []string{"ALTER TABLE copy.t RENAME a TO c", "ALTER TABLE copy.t ADD a int"},
			row:    "2, 3, 4", want: "id c a b", did: `ADD COLUMN "b"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, r *rig) {
				r.exec("CREATE TABLE t (id int PRIMARY KEY, "+c.columns+")", "INSERT INTO t VALUES (0)")
				r.stream()
				catalog := &Catalog{Pipeline: "p", Sink: "s", Schema: "copy", AddColumns: true}
				r.exec("INSERT INTO t VALUES (1)")
				_, err := r.apply(catalog, r.pull())
				r.must(err)
				r.exec(c.source...)
				r.target.ExecIn(t, r.to, c.target...)
				r.reconnect() // whose first shape has certain numbers
				r.exec("INSERT INTO t VALUES (" + c.row + ")")
				changes := r.pull()
				var did []string
				repair := &Catalog{
					Pipeline: "p", Sink: "s", Schema: "copy", AddColumns: true, Repairs: true,
					Before: func(_, sql string) { did = append(did, sql) },
				}
				_, err = r.apply(repair, changes)
				r.must(err)
				if !strings.Contains(strings.Join(did, "\n"), c.did) {
					t.Errorf("%q has no %s", did, c.did)
				}
				have := r.target.Query(t, r.to, `SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
					WHERE attrelid = 'copy.t'::regclass AND attnum > 0 AND NOT attisdropped`)
				if have != c.want {
					t.Errorf("the target has the columns %s, want %s", have, c.want)
				}
				// The stream, which does not repair, finds nothing else to do.
				r.exec("INSERT INTO t SELECT id + 10" + strings.Repeat(", 7", strings.Count(c.row, ",")) + " FROM t WHERE id = 2")
				did = nil
				catalog.Before = repair.Before
				_, err = r.apply(catalog, r.pull())
				r.must(err)
				if len(did) > 0 {
					t.Errorf("the stream still does %q", did)
				}
			})
		})
	}
}

// A repair compares all values, so it does not matter what the source's ALTER TABLE made of older ones.
func TestRepairOfARetypedColumn(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id int PRIMARY KEY, v real)", "INSERT INTO t VALUES (1, 1)")
		r.target.ExecIn(t, r.to, "CREATE SCHEMA copy", "CREATE TABLE copy.t (id int PRIMARY KEY, v text)")
		r.stream()
		catalog := &Catalog{Pipeline: "p", Sink: "s", Schema: "copy", AddColumns: true}
		r.exec("INSERT INTO t VALUES (2, 2)")
		_, err := r.apply(catalog, r.pull())
		r.must(err)
		r.exec("ALTER TABLE t ALTER v TYPE text USING 'v' || v", "INSERT INTO t VALUES (3, 'v3')")
		changes := r.pull()
		_, err = r.apply(catalog, changes)
		wantProblem(t, err, "schema_changed", "column v has become text, and its values other ones", `"Type":"text"`)
		catalog.Repairs = true
		_, err = r.apply(catalog, changes)
		r.must(err)
	})
}

// A type that the former one cannot be cast to, and a default that cannot be converted: the fix is accepted all the same.
func TestRetypedWithoutCast(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL, w text, l int[], n text)", "INSERT INTO t VALUES (1, 1, 'w', '{1}', 'n')")
		r.stream()
		catalog := &Catalog{Pipeline: "p", Sink: "s", Schema: "copy", AddColumns: true}
		step := func(sql ...string) ([]capture.Change, error) {
			r.exec(sql...)
			changes := r.pull()
			_, err := r.apply(catalog, changes)
			return changes, err
		}
		_, err := step("INSERT INTO t VALUES (2, 2, 'w', '{2}', 'n')")
		r.must(err)
		_, err = step("ALTER TABLE t ADD d text DEFAULT '7'", "INSERT INTO t VALUES (3, 3, 'w', '{3}', 'n')")
		r.must(err)
		r.target.ExecIn(t, r.to, "ALTER TABLE copy.t ALTER l SET DEFAULT ARRAY[extract(year FROM now())::int]") // the operator's own
		for _, c := range []struct{ alter, row, fix, has string }{
			{"v TYPE date USING '2026-01-01'", "(4, '2026-01-02', 'w', '{4}', 'n')", `ALTER COLUMN "v" TYPE date USING NULL::date`, "3"},
			{"l TYPE boolean[] USING '{t}'", "(5, '2026-01-02', 'w', '{t}', 'n')", `ALTER COLUMN "l" TYPE boolean[] USING "l"::boolean[]`, "4"},
			{"l TYPE date[] USING '{2026-01-01}'", "(6, '2026-01-02', 'w', '{2026-01-01}', 'n')", `"l" TYPE date[] USING NULL::date[]`, "5"},
			{"d DROP DEFAULT, ALTER d TYPE int USING d::int", "(7, '2026-01-02', 'w', NULL, 'n', 7)", `ALTER COLUMN "d" DROP DEFAULT;`, "6"},
			{"id TYPE uuid USING md5(id::text)::uuid", "(md5('8')::uuid, '2026-01-02', 'w', NULL, 'n', 8)", `TRUNCATE "copy"."t"`, "1"},
		} {
			changes, err := step("ALTER TABLE t ALTER "+c.alter, "INSERT INTO t VALUES "+c.row)
			p := wantProblem(t, err, "schema_changed", "and its values other ones", c.fix)
			if !strings.Contains(p.Fix, "tailrace verify -repair -table public.t FILE") {
				t.Errorf("no repair in %s", p.Fix)
			}
			r.target.ExecIn(t, r.to, p.Fix)
			_, err = r.apply(catalog, changes)
			r.must(err)
			if n := r.target.Query(t, r.to, "SELECT count(*) FROM copy.t"); n != c.has {
				t.Errorf("%s: %s rows, want %s", c.alter, n, c.has)
			}
		}
	})
}

// A fix that begins where the transaction has left off would refer to names and columns that the rollback has undone.
func TestFixNamesWhatIsRolledBack(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id int PRIMARY KEY, a int)", "INSERT INTO t VALUES (1, 1)")
		r.stream()
		catalog := &Catalog{Pipeline: "p", Sink: "s", Schema: "copy", AddColumns: true}
		r.exec("INSERT INTO t VALUES (2, 2)")
		_, err := r.apply(catalog, r.pull())
		r.must(err)
		r.exec("ALTER TABLE t RENAME a TO t", "ALTER TABLE t ALTER t TYPE date USING '2026-01-01'")
		r.reconnect()
		r.exec("INSERT INTO t VALUES (3, '2026-01-02')")
		changes := r.pull()
		catalog.Repairs = true
		_, err = r.apply(catalog, changes)
		p := wantProblem(t, err, "schema_changed", "column t has become date", `RENAME COLUMN "a" TO "t"`)
		r.target.ExecIn(t, r.to, p.Fix)
		_, err = r.apply(catalog, changes)
		r.must(err)

		catalog.Repairs = false
		r.exec("ALTER TABLE t ADD k int NOT NULL DEFAULT 7", "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id, k)")
		r.reconnect()
		r.exec("INSERT INTO t VALUES (4, '2026-01-02', 8)")
		changes = r.pull()
		_, err = r.apply(catalog, changes)
		p = wantProblem(t, err, "schema_changed", "the primary key", `ADD COLUMN "k"`)
		r.target.ExecIn(t, r.to, p.Fix)
		_, err = r.apply(catalog, changes)
		p = wantProblem(t, err, "schema_changed", "no unique index on the key", "ADD PRIMARY KEY")
		r.target.ExecIn(t, r.to, p.Fix)
		_, err = r.apply(catalog, changes)
		r.must(err)
	})
}
