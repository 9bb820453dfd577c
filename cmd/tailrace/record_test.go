package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestCasesWithARecordedSchema runs what needs no server with tables that are recorded.
func TestCasesWithARecordedSchema(t *testing.T) {
	dir := copyCases(t, casesDir+"/orders.test.hcl")
	file := dir + "/orders.hcl"
	for _, path := range []string{dir, file, dir + "/orders.test.hcl"} {
		tailrace(t, "test", path).expect(t, 0, "4 passed, 0 failed\n", "")
	}
	tailrace(t, "check", "-offline", dir).expect(t, 0, "ok: 1 pipeline", "")
	tailrace(t, "fmt", "-check", dir).expect(t, 0, "", "")
	paid := []string{"explain", "-offline", "-table", "public.orders", "-old", `{"id":1,"status":"new","total":12.5,"tenant":7}`, "-row", `{"status":"paid"}`}
	tailrace(t, append(paid, file)...).expect(t, 0, "event OrderPaid", "")

	// Without the test file, rules that use its environment are the only ones that cannot be explained.
	if err := os.Remove(dir + "/orders.test.hcl"); err != nil {
		t.Fatal(err)
	}
	env := []string{"MASK_KEY=test"}
	tailraceWith(t, env, "", append(paid, file)...).expect(t, 0, "event OrderPaid", "")
	tailraceWith(t, env, "", "schema", "-offline", "-event", "OrderPaid", file).expect(t, 0, `"title": "OrderPaid"`, "")
}

func TestBrokenRecordedSchemas(t *testing.T) {
	dir := copyCases(t, casesDir+"/orders.test.hcl")
	file, schema := dir+"/orders.hcl", dir+"/orders.schema.hcl"
	good := read(t, schema)
	for _, c := range []struct{ old, with, want string }{
		{`"full"`, `"ful"`, "identity is not a replica identity"},
		{`"numeric(10,2)"`, `"numerik(10,2)"`, `Did you mean "numeric"?`},
		{"columns = {", "columns = ", "error: "},
	} {
		if err := os.WriteFile(schema, []byte(strings.Replace(good, c.old, c.with, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, verb := range [][]string{{"test"}, {"check", "-offline"}, {"schema", "-offline"}, {"explain", "-offline", "-table", "public.orders", "-row", "{}"}} {
			r := tailrace(t, append(verb, file)...)
			if r.code != usage || !strings.Contains(r.err, c.want) || !strings.Contains(r.err, schema+":") {
				t.Errorf("%s: exit code %d, %s", verb, r.code, r.err)
			}
		}
	}
	tailrace(t, "check", "-offline", schema).expect(t, 2, "", "has the recorded shapes of tables and no pipeline: give the file "+file)
	tailrace(t, "schema", "-record", "-offline", file).expect(t, 2, "", "leave out -offline")
	plain := place(t, "orders.hcl", orders("127.0.0.1:1", "127.0.0.1:0"))
	tailrace(t, "schema", "-offline", plain).expect(t, 2, "", "`tailrace schema -record` writes the latter")
}

// zooTables have columns of every kind of type, and the replica identities that a published table may have. No rule uses the last one.
var zooTables = []string{
	`CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree`,
	`CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE DOMAIN price AS numeric(10,2) CHECK (VALUE >= 0);
	 CREATE TYPE "Full Address" AS (street text, "House (no)" price); CREATE DOMAIN short AS varchar(4); CREATE TYPE span AS RANGE (subtype = float8)`,
	`CREATE TABLE zoo (id bigint, tenant uuid, code varchar(20) NOT NULL, mood mood, moods mood[], paid price NOT NULL, address "Full Address",
		short short, small varchar(5), span span, tree ltree, h hstore, ci citext, big numeric, whole numeric(4), at timestamptz(3), day date,
		took interval(3), doc jsonb, tags text[], prices numeric(6,2)[], box box, boxes box[], bits bit(3), c char, padded char(7), ip inet, net macaddr8, q tsquery,
		path jsonpath, rel regclass, ok boolean, ratio real, raw bytea, "for" text, "Full Name" text COLLATE "C", twice bigint GENERATED ALWAYS AS (id * 2) STORED,
		PRIMARY KEY (tenant, id))`,
	`CREATE UNIQUE INDEX zoo_code ON zoo (tenant, id, code); ALTER TABLE zoo REPLICA IDENTITY USING INDEX zoo_code`,
	`CREATE TABLE lines (id int PRIMARY KEY, zoo bigint); ALTER TABLE lines REPLICA IDENTITY FULL`,
	`CREATE TABLE silent (id int PRIMARY KEY, v text)`,
	`CREATE TABLE other (id int PRIMARY KEY)`,
}

const zooFile = `
pipeline "shop" {
  source "postgres" {
    url    = env("DATABASE_URL")
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "Changed" {
      table = ["public.zoo", "public.silent"]
      when  = op == "insert"
      key   = row.id
      data  = row
    }
    aggregate "Whole" {
      table = "public.zoo"
      when  = op == "insert"
      child "public.lines" {
        as   = "lines"
        join = child.zoo == row.id
      }
      data = { mood = row.mood, street = row.address.street, paid = row.paid, lines = lines }
    }
  }
}
`

// TestRecordedSchemaOfALiveDatabase: what is recorded gives the same schemas of events as the live tables, and a later change of the
// database is a warning that names the column.
func TestRecordedSchemaOfALiveDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Postgres servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		server := testenv.SharedPostgres(t, version)
		database := testenv.NewDatabase(t, server)
		server.ExecIn(t, database, zooTables...)
		file := place(t, "zoo.hcl", zooFile)
		schema := strings.TrimSuffix(file, ".hcl") + ".schema.hcl"
		env := []string{"DATABASE_URL=" + server.URL(database)}
		run := func(args ...string) result { return tailraceWith(t, env, "", append(args, file)...) }

		run("schema", "-record").expect(t, 0, schema+": 3 tables\n", "")
		first := read(t, schema)
		if strings.Contains(first, "public.other") || strings.Contains(first, "twice") != (version >= 18) {
			t.Errorf("Postgres %d:\n%s", version, first)
		}
		run("schema", "-record").expect(t, 0, schema+": 3 tables, unchanged\n", "")
		run("fmt", "-check").expect(t, 0, "", "")
		tailraceWith(t, env, "", "fmt", "-check", schema).expect(t, 0, "", "")
		live, offline := run("schema"), run("schema", "-offline")
		if d := cmp.Diff(live.out, offline.out); d != "" || live.code != done || live.err != "" {
			t.Errorf("Postgres %d: %s (- live, + recorded)\n%s", version, live.err, d)
		}
		if r := run("check"); r.code != done || strings.Contains(r.err, "recorded") {
			t.Errorf("Postgres %d: exit code %d, %s", version, r.code, r.err)
		}

		server.ExecIn(t, database, "ALTER TYPE mood ADD VALUE 'mad'; ALTER TABLE zoo DROP doc; ALTER TABLE zoo ALTER whole TYPE numeric(5)",
			"ALTER TABLE silent REPLICA IDENTITY FULL")
		r := run("check")
		for _, want := range []string{
			": warning: column mood of public.zoo is recorded with the type public.mood, which has other labels in the database",
			": warning: column doc of public.zoo is recorded here, and the database does not have it",
			`: warning: column whole of public.zoo is recorded as "numeric(4,0)", and it is "numeric(5,0)" in the database`,
			`: warning: the replica identity of public.silent is recorded as "default", and it is "full" in the database`,
			"tailrace schema -record " + file,
		} {
			if r.code != done || !strings.Contains(r.err, want) {
				t.Errorf("Postgres %d: exit code %d, no %q:\n%s", version, r.code, want, r.err)
			}
		}
		run("schema", "-record").expect(t, 0, schema+": 3 tables\n", "")
		if r := run("check"); strings.Contains(r.err, "recorded") {
			t.Errorf("Postgres %d: after it was recorded again: %s", version, r.err)
		}
	}
}
