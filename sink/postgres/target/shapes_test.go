package target

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// A transaction that alters a table between its rows is written completely after the fix, although rows of the older shape are
// then written to the altered target.
func TestBothShapesInOneTransaction(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.stream()
		for i, c := range []struct{ name, alter, after, state string }{
			{"add", "ADD c int", "3, 3, 'c', 3", halts},
			{"add with default", "ADD c int DEFAULT 7", "3, 3, 'c', 3", halts},
			{"drop", "DROP a", "3, 'c'", halts},
			{"drop what may be null", "DROP b", "3, 3", ""},
			{"rename", "RENAME a TO c", "3, 3, 'c'", halts},
			{"rename key", "RENAME id TO c", "3, 3, 'c'", halts},
			{"widen", "ALTER a TYPE bigint", "3, 3, 'c'", halts},
			{"may be null", "ALTER a DROP NOT NULL", "3, NULL, 'c'", halts},
		} {
			schema := fmt.Sprintf("s%d", i)
			r.exec("CREATE SCHEMA "+schema, "CREATE TABLE "+schema+".t (id int PRIMARY KEY, a int NOT NULL, b text)",
				"INSERT INTO "+schema+".t VALUES (1, 1, 'a')")
			catalog := &Catalog{Pipeline: "p", Sink: "s"}
			_, err := r.apply(catalog, r.pull())
			r.must(err)
			r.exec("INSERT INTO " + schema + ".t VALUES (2, 2, 'b'); ALTER TABLE " + schema + ".t " + c.alter + "; " +
				"INSERT INTO " + schema + ".t VALUES (" + c.after + ")")
			changes := r.pull()
			_, err = r.apply(catalog, changes)
			if c.state != "" {
				p := wantProblem(t, err, c.state, "", "")
				r.target.ExecIn(t, r.to, p.Fix)
				_, err = r.apply(catalog, changes)
			}
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			r.equal(schema, "t", schema, "t")
		}
	})
}

// An added generated column exists in the end, regardless of whether the stream carries it.
func TestAddedGeneratedColumn(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE public.t (id int PRIMARY KEY, a int)", "INSERT INTO public.t VALUES (1, 1)")
		r.stream()
		catalog := &Catalog{Pipeline: "p", Sink: "s", AddColumns: true}
		r.exec("INSERT INTO public.t VALUES (2, 2)", "ALTER TABLE public.t ADD twice int GENERATED ALWAYS AS (a * 2) STORED",
			"INSERT INTO public.t VALUES (3, 3)")
		_, err := r.apply(catalog, r.pull())
		r.must(err)
		r.target.ExecIn(t, r.to, "INSERT INTO public.t (id, a) VALUES (1, 1)")
		r.equal("public", "t", "public", "t")
	})
}

// A label that an enum gets during a connection is not announced by a message: only the target's error shows it.
func TestLabelInMidStream(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.exec("CREATE SCHEMA it", `CREATE TYPE it."My ""mood""" AS ENUM ('a')`, "CREATE TYPE it.pair AS (x int, m it.\"My \"\"mood\"\"\")",
			`CREATE TABLE it.t (id int PRIMARY KEY, m it."My ""mood"""[], p it.pair, b text)`)
		r.stream()
		r.exec("INSERT INTO it.t VALUES (1, '{a}', '(1,a)', 'x')")
		halting := &Catalog{Pipeline: "p", Sink: "s", Schema: "copy"}
		changes := r.pull()
		table := changes[0].Table
		made, err := r.apply(halting, changes)
		r.must(err)
		rel := made["it.t"]
		next := func(label string) ([]capture.Change, error) {
			r.exec(`ALTER TYPE it."My ""mood""" ADD VALUE `+literal(label),
				"INSERT INTO it.t SELECT max(id) + 1, ARRAY["+literal(label)+"]::it.\"My \"\"mood\"\"\"[], NULL, 'x' FROM it.t")
			changes := r.pull()
			changes[0].Table = table // as it is during the connection
			_, err := r.apply(halting, changes)
			var pg *pgconn.PgError
			if !errors.As(err, &pg) || pg.Code != "22P02" {
				t.Fatalf("the new label gives %v", err)
			}
			return changes, err
		}
		changes, err = next(`it's : "b"`)
		p := wantProblem(t, halting.Explain(rel, &changes[0], err), halts, `enum "copy"."My ""mood""" lacks label it's : "b", which it.t has`, "ADD VALUE")
		r.target.ExecIn(t, r.to, p.Fix)
		_, err = r.apply(halting, changes)
		r.must(err)
		changes, err = next("c")
		var apart *Apart
		if err = (&Catalog{Schema: "copy", AddColumns: true}).Explain(rel, &changes[0], err); !errors.As(err, &apart) {
			t.Fatal(err)
		}
		r.must(exec(t.Context(), r.conn, apart.Statements[0]))
		_, err = r.apply(halting, changes)
		r.must(err)
		r.equal("it", "t", "copy", "t")
		if err := halting.Explain(rel, &changes[0], errors.New("another error")); err != nil {
			t.Errorf("another error is explained: %v", err)
		}
	})
}
