package target

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// trips counts how often a client waits for its server.
type trips struct {
	net.Conn
	mu    sync.Mutex
	wrote bool
	n     int
}

func (c *trips) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.wrote = true
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *trips) Read(b []byte) (int, error) {
	c.mu.Lock()
	if c.wrote {
		c.n, c.wrote = c.n+1, false
	}
	c.mu.Unlock()
	return c.Conn.Read(b)
}

// during returns how many round trips f makes on the rig's connection, in a transaction that is committed.
func (c *trips) during(r *rig, f func()) int {
	r.t.Helper()
	r.must(exec(r.t.Context(), r.conn, "BEGIN"))
	before := c.n
	f()
	n := c.n - before
	r.must(exec(r.t.Context(), r.conn, "COMMIT"))
	return n
}

// countTrips connects to the rig's target again, with a connection that counts round trips.
func countTrips(r *rig) *trips {
	r.t.Helper()
	config, err := pgconn.ParseConfig(r.target.URL(r.to))
	r.must(err)
	for k, v := range session {
		config.RuntimeParams[k] = v
	}
	c := &trips{}
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		c.Conn = conn
		return c, err
	}
	r.conn, err = pgconn.ConnectConfig(r.t.Context(), config)
	r.must(err)
	r.t.Cleanup(func() { _ = r.conn.Close(context.Background()) })
	return c
}

// The number of round trips for the first change in each of many tables does not grow with the number of tables, whether they
// exist in the target or not.
func TestTablesTogether(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		const few, many = 2, 60
		var create, insert []string
		for i := range many {
			create = append(create, fmt.Sprintf(`CREATE TABLE t%d (id int PRIMARY KEY, kind mood, p pair, v varchar(%d) COLLATE "C")`, i, i+1))
			insert = append(insert, fmt.Sprintf("INSERT INTO t%d VALUES (1, 'glad', '(1,a)', 'v')", i))
		}
		r.exec("CREATE TYPE mood AS ENUM ('glad', 'sad')", "CREATE TYPE pair AS (n int, v text)", "CREATE TYPE sized AS (n int, v text)")
		r.exec(create...)
		r.stream()
		r.exec(insert...)
		changes := r.pull()
		var tables []*capture.Table
		for _, c := range changes {
			tables = append(tables, c.Table)
		}
		if len(tables) != many {
			t.Fatalf("%d changes of %d tables", len(tables), many)
		}
		c := &Catalog{Pipeline: "p", Sink: "s", Schema: "copy"}
		r.must(c.Prepare(t.Context(), r.conn))
		counted := countTrips(r)
		relations := func(of []*capture.Table, made bool) func() {
			return func() {
				t.Helper()
				all, err := c.Relations(t.Context(), r.conn, of)
				r.must(err)
				for i, rel := range all {
					if rel.Name != of[i].Name || rel.Empty != made || len(rel.Columns) != len(of[i].Columns) {
						t.Errorf("%s: %+v", of[i], rel)
					}
				}
			}
		}
		fewMade := counted.during(r, relations(tables[:few], true))
		manyMade := counted.during(r, relations(tables[few:], true))
		fewKnown := counted.during(r, relations(tables[:few], false))
		manyKnown := counted.during(r, relations(tables, false))
		if manyMade > fewMade || manyKnown > fewKnown {
			t.Errorf("%d tables are made in %d round trips and %d in %d, found in %d and %d", few, fewMade, many-few, manyMade, fewKnown, manyKnown)
		}
		if _, err := r.apply(c, changes); err != nil {
			t.Fatal(err)
		}
		for i := range many {
			r.equal("public", fmt.Sprintf("t%d", i), "copy", fmt.Sprintf("t%d", i))
		}
	})
}

// Tables that are requested together get the same targets as one after another, even if one depends on another.
func TestTablesTogetherAndInTurn(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)", "CREATE SCHEMA other", "CREATE TABLE other.a (id int PRIMARY KEY)")
		r.stream()
		tables := func(statements ...string) (all []*capture.Table) {
			r.exec(statements...)
			for _, c := range r.pull() {
				all = append(all, c.Table)
			}
			return all
		}
		ask := func(c *Catalog, tables []*capture.Table) error {
			r.must(exec(t.Context(), r.conn, "BEGIN"))
			_, err := c.Relations(t.Context(), r.conn, tables)
			end := "COMMIT"
			if err != nil {
				end = "ROLLBACK"
			}
			r.must(exec(t.Context(), r.conn, end))
			return err
		}
		one := &Catalog{Pipeline: "p", Sink: "one", Schema: "one"}
		err := ask(one, tables("INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1)", "INSERT INTO other.a VALUES (1)"))
		wantProblem(t, err, "table_taken", `"one"."a" is filled from public.a already`, "leave one of them out")

		each := &Catalog{Pipeline: "p", Sink: "each"}
		r.must(ask(each, tables("INSERT INTO a VALUES (2)", "INSERT INTO b VALUES (2)")))
		// a has become c on both sides, and a new a arrives: its name is free once c has been handled.
		r.target.ExecIn(t, r.to, "ALTER TABLE a RENAME TO c")
		r.must(ask(each, tables("ALTER TABLE a RENAME TO c", "CREATE TABLE a (id int PRIMARY KEY)", "INSERT INTO c VALUES (3)", "INSERT INTO a VALUES (3)")))
	})
}
