package target

import (
	"fmt"
	"strings"
	"testing"
)

// driftCase is a change of a table t and the expected effect on the target. S stands for the case's schema.
type driftCase struct {
	name   string
	setup  string // in the source, before the first row; default: CREATE TABLE S.t (id int PRIMARY KEY, a int, b text)
	before string // in the source, rows of the old shape; default: one row
	target string // in the target, between before and change
	change string // in the source, with rows of the new shape; default for the rows: one
	rows   string
	state  string // with on_schema_change = halt; "": none
	reason string
	fix    string // a substring of the fix
	adds   string // the state with add_columns; "": none
	quiet  bool   // the rows arrive after the source has seen the change
	verify bool   // older rows are left to verify -repair
}

const (
	halts   = "schema_changed"
	unknown = "backfill_unknown"
)

var driftCases = []driftCase{
	{name: "add column", change: "ALTER TABLE S.t ADD c int", rows: "2, 2, 'b', 3", state: halts, reason: "column c is missing", fix: `ALTER TABLE "S"."t" ADD COLUMN "c" integer;`},
	{name: "add with default", change: "ALTER TABLE S.t ADD c numeric(5,2) NOT NULL DEFAULT 7", rows: "2, 2, 'b', 3", state: halts, reason: "column c is missing", fix: `ADD COLUMN "c" numeric(5,2) DEFAULT '7.00'::numeric(5,2) NOT NULL;`},
	{name: "add with default gone", change: "ALTER TABLE S.t ADD c text DEFAULT E'it''s \\\\ x'; ALTER TABLE S.t ALTER c DROP DEFAULT", rows: "2, 2, 'b', 'x'", state: halts, reason: "column c is missing", fix: `DEFAULT E'it''s \\ x'::text`},
	{name: "add to a partitioned table with default gone", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a int, b text) PARTITION BY RANGE (id); CREATE TABLE S.t1 PARTITION OF S.t DEFAULT", change: "ALTER TABLE S.t ADD c int DEFAULT 7; ALTER TABLE S.t ALTER c DROP DEFAULT", rows: "2, 2, 'b', 3", state: halts, reason: "column c is missing", fix: `ADD COLUMN "c" integer DEFAULT '7'::integer`},
	{name: "add array, enum and more at once", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a int, b text); CREATE TYPE S.mood AS ENUM ('x', 'y')", change: "ALTER TABLE S.t ADD c S.mood DEFAULT 'y', ADD d S.mood[] DEFAULT '{x,NULL}', ADD e box DEFAULT '(1,1),(0,0)', ADD f bytea DEFAULT '\\x00'", rows: "2, 2, 'b', 'x', NULL, NULL, NULL", state: halts, reason: "column c is missing; column d is missing; column e is missing", fix: `CREATE TYPE "S"."mood" AS ENUM ('x', 'y');`},
	{name: "add collated", change: `ALTER TABLE S.t ADD c text COLLATE "C"`, rows: "2, 2, 'b', 'x'", state: halts, reason: "column c is missing", fix: `"c" text COLLATE pg_catalog."C";`},
	{name: "add with own values", change: "ALTER TABLE S.t ADD c float8 DEFAULT random()", rows: "2, 2, 'b', 3", state: unknown, reason: "what the source gave to older rows is in no change", fix: "tailrace verify -repair", adds: unknown},
	{name: "add identity", change: "ALTER TABLE S.t ADD c int GENERATED ALWAYS AS IDENTITY", rows: "2, 2, 'b', DEFAULT", state: unknown, reason: "column c is missing", fix: `ADD COLUMN "c" integer;`, adds: unknown},
	{name: "add to no rows", before: "DELETE FROM S.t", change: "ALTER TABLE S.t ADD c float8 NOT NULL DEFAULT 4", rows: "2, 2, 'b', 3", state: halts, reason: "column c is missing", fix: `"c" double precision DEFAULT '4'::double precision NOT NULL;`},
	{name: "drop column", change: "ALTER TABLE S.t DROP a", rows: "2, 'b'"},
	{name: "drop required column", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a int NOT NULL, b text)", change: "ALTER TABLE S.t DROP a", rows: "2, 'b'", state: halts, reason: "column a of the target is NOT NULL", fix: `ALTER COLUMN "a" DROP NOT NULL; -- or DROP COLUMN "a"`, adds: halts},
	{name: "drop and add again", change: "ALTER TABLE S.t DROP b, ADD b text DEFAULT 'new'", rows: "2, 2, 'b'", state: halts, reason: "column b was dropped and added again", fix: "RENAME COLUMN \"b\" TO \"b_dropped_3\"; -- it has the former values; DROP COLUMN if they are not needed\nALTER TABLE \"S\".\"t\" ADD COLUMN \"b\" text DEFAULT 'new'::text;", quiet: true},
	{name: "drop and add again, and a row at once", change: "ALTER TABLE S.t DROP b, ADD b text DEFAULT 'new'", rows: "2, 2, 'b'", state: halts, reason: `whether "b" of the target is the same column is not known`, fix: `tailrace verify -repair`, adds: halts, verify: true},
	{name: "rename column", change: "ALTER TABLE S.t RENAME a TO c", rows: "2, 2, 'b'", state: halts, reason: "column a is now called c", fix: `RENAME COLUMN "a" TO "c"`, adds: halts},
	{name: "rename key column", change: "ALTER TABLE S.t RENAME id TO ident", rows: "2, 2, 'b'", state: halts, reason: "column id is now called ident", fix: `RENAME COLUMN "id" TO "ident"`, adds: halts},
	{name: "rename required column", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a int NOT NULL)", change: "ALTER TABLE S.t RENAME a TO c", rows: "2, 2", state: halts, reason: "column a is now called c", fix: `RENAME COLUMN "a" TO "c"`, adds: halts},
	{name: "swap columns", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a text, b text)", change: "ALTER TABLE S.t RENAME a TO x; ALTER TABLE S.t RENAME b TO a; ALTER TABLE S.t RENAME x TO b", rows: "2, 'a', 'b'", state: halts, reason: "column b is what was called a; column a is what was called b", fix: `RENAME COLUMN "a" TO "tailrace_2"`, adds: halts},
	{name: "rename over dropped", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a text, b text)", change: "ALTER TABLE S.t DROP b; ALTER TABLE S.t RENAME a TO b", rows: "2, 'b'", state: halts, reason: "column b is what was called a", fix: `RENAME COLUMN "b" TO "b_dropped_3"`, adds: halts},
	{name: "widen integer", change: "ALTER TABLE S.t ALTER a TYPE bigint", rows: "2, 3000000000, 'b'", state: halts, reason: "column a is bigint in the source and integer in the target", fix: `ALTER TABLE "S"."t" ALTER COLUMN "a" TYPE bigint;`},
	{name: "widen varchar", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a varchar(3), b text)", change: "ALTER TABLE S.t ALTER a TYPE varchar(9)", rows: "2, 'aaaaaaaaa', 'b'", state: halts, reason: "character varying(9)", fix: `TYPE character varying(9);`},
	{name: "widen numeric", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a numeric(4,2), b text)", before: "INSERT INTO S.t VALUES (1, 12.34, 'a')", change: "ALTER TABLE S.t ALTER a TYPE numeric(8,2)", rows: "2, 123456.78, 'b'", state: halts, reason: "numeric(8,2)", fix: `TYPE numeric(8,2);`},
	{name: "widen a key", change: "ALTER TABLE S.t ALTER id TYPE bigint", rows: "3000000000, 2, 'b'", state: halts, reason: "column id is bigint in the source and integer in the target", fix: `"id" TYPE bigint;`},
	{name: "widen arrays and times", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a int[], b varchar(3)[], c timestamp(0), d timetz(2))", before: "INSERT INTO S.t VALUES (1, '{1,NULL}', '{abc}', '2026-01-02 03:04:05', '01:02:03.45+06')", change: "ALTER TABLE S.t ALTER a TYPE bigint[]; ALTER TABLE S.t ALTER b TYPE text[]; ALTER TABLE S.t ALTER c TYPE timestamp(3); ALTER TABLE S.t ALTER d TYPE timetz", rows: "2, '{3000000000}', '{abcdef}', '2026-01-02 03:04:05.678', '01:02:03.456789+06'", state: halts, reason: "column a is bigint[] in the source", fix: `TYPE bigint[];`},
	{name: "widen character", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a char(3), b char(3), c char(3))", before: "INSERT INTO S.t VALUES (1, 'x', 'y', 'z')", change: "ALTER TABLE S.t ALTER a TYPE char(5); ALTER TABLE S.t ALTER b TYPE varchar(9); ALTER TABLE S.t ALTER c TYPE text", rows: "2, 'xxxxx', 'yyyyy', 'zzzzz'", state: halts, reason: "column a has become character(5)", fix: `TYPE character(5)`},
	{name: "widen collated", setup: `CREATE TABLE S.t (id int PRIMARY KEY, a varchar(3) COLLATE "C", b text)`, change: `ALTER TABLE S.t ALTER a TYPE text COLLATE "C"`, rows: "2, 'aaaa', 'b'", before: "INSERT INTO S.t VALUES (1, 'aaa', 'a')", state: halts, reason: "column a is text in the source", fix: `TYPE text COLLATE pg_catalog."C";`},
	{name: "widen under views", target: `CREATE VIEW "S".w AS SELECT id, a FROM "S"."t"; CREATE VIEW "S".x AS SELECT a + 1 AS a FROM "S".w; CREATE MATERIALIZED VIEW "S".m AS SELECT a FROM "S".x; CREATE VIEW "S".y AS SELECT b FROM "S"."t"`, change: "ALTER TABLE S.t ALTER a TYPE bigint", rows: "2, 3000000000, 'b'", state: halts, reason: "column a is bigint in the source", fix: "DROP VIEW %S.x;\nDROP VIEW %S.w;\nALTER TABLE", adds: halts},
	{name: "widen under a generated column", target: `ALTER TABLE "S"."t" ADD g bigint GENERATED ALWAYS AS (a + 1) STORED; CREATE VIEW "S".w AS SELECT g FROM "S"."t"`, change: "ALTER TABLE S.t ALTER a TYPE bigint", rows: "2, 3000000000, 'b'", state: halts, reason: "column a is bigint in the source", fix: "DROP COLUMN g;\nALTER TABLE", adds: halts},
	{name: "narrow and widen elsewhere", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a bigint, b varchar(3))", before: "INSERT INTO S.t VALUES (1, 1, 'a')", change: "ALTER TABLE S.t ALTER a TYPE int; ALTER TABLE S.t ALTER b TYPE text", rows: "2, 2, 'bbbb'", state: halts, reason: "column a", fix: `"b" TYPE text;`, adds: halts},
	{name: "widened before in the target", target: `ALTER TABLE "S"."t" ALTER a TYPE bigint`, change: "ALTER TABLE S.t ALTER a TYPE bigint", rows: "2, 3000000000, 'b'"},
	{name: "kept as text in the target", setup: "CREATE TYPE S.mood AS ENUM ('x'); CREATE TABLE S.t (id int PRIMARY KEY, a S.mood, b text)", before: "INSERT INTO S.t VALUES (1, 'x', 'a')", target: `ALTER TABLE "S"."t" ALTER a TYPE text`, change: "ALTER TYPE S.mood ADD VALUE 'y'; ALTER TABLE S.t ALTER b SET NOT NULL", rows: "2, 'y', 'b'"},
	{name: "narrow numeric", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a numeric(6,2), b text)", before: "INSERT INTO S.t VALUES (1, 12.34, 'a')", change: "ALTER TABLE S.t ALTER a TYPE numeric(6,1)", rows: "2, 1.2, 'b'", state: halts, reason: "column a has become numeric(6,1), and its values other ones", fix: `TYPE numeric(6,1) USING "a"::numeric(6,1)`, adds: halts},
	{name: "another type", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a text, b text)", before: "INSERT INTO S.t VALUES (1, '2026-01-02', 'a')", change: "ALTER TABLE S.t ALTER a TYPE date USING a::date", rows: "2, '2026-02-03', 'b'", state: halts, reason: "column a has become date", fix: `TYPE date USING "a"::date`, adds: halts},
	{name: "real to double", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a real, b text)", before: "INSERT INTO S.t VALUES (1, 0.1, 'a')", change: "ALTER TABLE S.t ALTER a TYPE float8", rows: "2, 0.2, 'b'", state: halts, reason: "values other ones", fix: `TYPE double precision`, adds: halts},
	{name: "to text", change: "ALTER TABLE S.t ALTER a TYPE text", rows: "2, 'x', 'b'", state: halts, reason: "column a is text in the source and integer in the target", fix: "TYPE text;\n-- then, when the pipeline is streaming and has caught up, where USING made other values: tailrace verify -repair -table ", adds: halts},
	{name: "may be null now", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a int NOT NULL, b text)", change: "ALTER TABLE S.t ALTER a DROP NOT NULL", rows: "2, NULL, 'b'", state: halts, reason: "column a may be null in the source", fix: `ALTER COLUMN "a" DROP NOT NULL;`},
	{name: "required now", change: "ALTER TABLE S.t ALTER a SET NOT NULL", rows: "2, 2, 'b'"},
	{name: "another key", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a int NOT NULL, b text)", change: "ALTER TABLE S.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a); ALTER TABLE S.t ALTER id DROP NOT NULL", rows: "1, 2, 'b'", state: halts, reason: `the key is ("a") in the source and ("id") in the target`, fix: `DROP CONSTRAINT "t_pkey", ALTER COLUMN "id" DROP NOT NULL, ADD PRIMARY KEY ("a")`, adds: halts},
	{name: "no more key", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a int, b text)", change: "ALTER TABLE S.t REPLICA IDENTITY FULL, DROP CONSTRAINT t_pkey", rows: "1, 2, 'b'", state: halts, reason: `the primary key ("id") of the target is none in the source`, fix: `DROP CONSTRAINT "t_pkey"`, adds: halts},
	{name: "a key now", setup: "CREATE TABLE S.t (id int NOT NULL, a int, b text)", change: "ALTER TABLE S.t ADD PRIMARY KEY (id)", rows: "2, 2, 'b'", state: halts, reason: `no unique index on the key ("id")`, fix: `ADD PRIMARY KEY ("id")`, adds: halts},
	{name: "key dropped in the target", target: `ALTER TABLE "S"."t" DROP CONSTRAINT t_pkey`, change: "ALTER TABLE S.t ALTER a SET NOT NULL", rows: "2, 2, 'b'", state: halts, reason: `no unique index on the key ("id")`, fix: `ADD PRIMARY KEY ("id")`, adds: halts},
	{name: "column dropped in the target", target: `ALTER TABLE "S"."t" DROP a`, change: "ALTER TABLE S.t ALTER b SET NOT NULL", rows: "2, NULL, 'b'", before: "INSERT INTO S.t VALUES (1, NULL, 'a')", state: halts, reason: "column a is missing: it existed and was dropped in the target", fix: "then fill it: tailrace verify -repair", adds: halts},
	{name: "renamed over another in the target", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a text, b text)", before: "INSERT INTO S.t VALUES (1, NULL, NULL)", target: `ALTER TABLE "S"."t" DROP b; ALTER TABLE "S"."t" RENAME a TO b`, change: "ALTER TABLE S.t ADD CHECK (id > 0)", rows: "2, NULL, 'b'", state: halts, reason: "column a is called b in the target; column b is missing: it existed", fix: `RENAME COLUMN "b" TO "a"`, adds: halts},
	{name: "required column of the target's own", target: `ALTER TABLE "S"."t" ADD mine int NOT NULL DEFAULT 1; ALTER TABLE "S"."t" ALTER mine DROP DEFAULT`, change: "ALTER TABLE S.t ALTER b SET NOT NULL", rows: "2, 2, 'b'", state: halts, reason: "column mine of the target is NOT NULL", fix: `ALTER COLUMN "mine" DROP NOT NULL`, adds: halts},
	{name: "column of the target's own", target: `ALTER TABLE "S"."t" ADD mine timestamptz NOT NULL DEFAULT now()`, change: "ALTER TABLE S.t ALTER b SET NOT NULL", rows: "2, 2, 'b'"},
	{name: "enum label", setup: "CREATE TYPE S.mood AS ENUM ('m', 'q'); CREATE TABLE S.t (id int PRIMARY KEY, a S.mood, b text)", before: "INSERT INTO S.t VALUES (1, 'm', 'a')", change: "ALTER TYPE S.mood ADD VALUE 'z'; ALTER TYPE S.mood ADD VALUE 'a' BEFORE 'm'; ALTER TYPE S.mood ADD VALUE 'n' AFTER 'm'", rows: "2, 'n', 'b'", state: halts, reason: `enum "S"."mood" lacks label a`, fix: `ADD VALUE 'a' BEFORE 'm'`},
	{name: "enum label renamed", setup: "CREATE TYPE S.mood AS ENUM ('m', 'n'); CREATE TABLE S.t (id int PRIMARY KEY, a S.mood, b text)", before: "INSERT INTO S.t VALUES (1, 'm', 'a')", change: "ALTER TYPE S.mood RENAME VALUE 'm' TO 'o'", rows: "2, 'o', 'b'", state: halts, reason: "label m of enum", fix: "RENAME VALUE 'm' TO 'o'", adds: halts},
	{name: "enum label renamed and others added", setup: "CREATE TYPE S.mood AS ENUM ('m', 'n'); CREATE TABLE S.t (id int PRIMARY KEY, a S.mood, b text)", before: "INSERT INTO S.t VALUES (1, 'm', 'a')", change: "ALTER TYPE S.mood RENAME VALUE 'm' TO 'o'; ALTER TYPE S.mood ADD VALUE 'z'; ALTER TYPE S.mood ADD VALUE 'q' AFTER 'n'", rows: "2, 'o', 'b'", state: halts, reason: "label m of enum", fix: "RENAME VALUE 'm' TO 'o'", adds: halts},
	{name: "composite attribute", setup: "CREATE TYPE S.pair AS (x int, y text); CREATE TABLE S.t (id int PRIMARY KEY, a S.pair, b text)", before: "INSERT INTO S.t VALUES (1, '(1,a)', 'a')", change: "ALTER TYPE S.pair ADD ATTRIBUTE z date", rows: "2, '(1,a,2026-01-02)', 'b'", state: halts, reason: "lacks attribute z", fix: `ADD ATTRIBUTE "z" date`},
	{name: "composite attribute dropped", setup: "CREATE TYPE S.pair AS (x int, y text); CREATE TABLE S.t (id int PRIMARY KEY, a S.pair, b text)", before: "INSERT INTO S.t VALUES (1, '(1,a)', 'a')", change: "ALTER TYPE S.pair DROP ATTRIBUTE x", rows: "2, '(c)', 'b'", state: halts, reason: "has attribute x in the target only", fix: `ALTER TYPE "S"."pair" DROP ATTRIBUTE "x"`, adds: halts},
	{name: "composite attribute renamed", setup: "CREATE TYPE S.pair AS (x int, y text); CREATE TABLE S.t (id int PRIMARY KEY, a S.pair, b text)", before: "INSERT INTO S.t VALUES (1, '(1,a)', 'a')", change: "ALTER TYPE S.pair RENAME ATTRIBUTE y TO z", rows: "2, '(1,a)', 'b'", state: halts, reason: "attribute z of type", fix: `RENAME ATTRIBUTE "y" TO "z"`, adds: halts},
	{name: "domain may be null", setup: "CREATE DOMAIN S.d AS int NOT NULL; CREATE TABLE S.t (id int PRIMARY KEY, a S.d, b text)", change: "ALTER DOMAIN S.d DROP NOT NULL", rows: "2, NULL, 'b'", state: halts, reason: "is NOT NULL in the target only", fix: "DROP NOT NULL", adds: halts},
	{name: "two changes at once", change: "ALTER TABLE S.t RENAME a TO c; ALTER TABLE S.t ADD d int DEFAULT 4", rows: "2, 2, 'b', 5", state: halts, reason: "column a is now called c", fix: "RENAME COLUMN \"a\" TO \"c\";\nALTER TABLE \"S\".\"t\" ADD COLUMN \"d\" integer DEFAULT '4'::integer;", adds: halts},
	{name: "rename table", change: "ALTER TABLE S.t RENAME TO renamed", rows: "2, 2, 'b'", state: "table_renamed", reason: "S.renamed was called S.t, whose rows are in", fix: `ALTER TABLE "S"."t" RENAME TO "renamed"`, adds: "table_renamed"},
	{name: "swap tables", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a int, b text); CREATE TABLE S.o (id int PRIMARY KEY, a int, b text)", before: "INSERT INTO S.t VALUES (1, 1, 't'); INSERT INTO S.o VALUES (1, 1, 'o')", change: "ALTER TABLE S.t RENAME TO x; ALTER TABLE S.o RENAME TO t; ALTER TABLE S.x RENAME TO o", rows: "2, 2, 'b'", state: "table_renamed", reason: "was called S.o", fix: `"tailrace_between"`, adds: "table_renamed"},
	{name: "recreate table", change: "DROP TABLE S.t; CREATE TABLE S.t (id int PRIMARY KEY, a int, b text)", rows: "2, 2, 'b'", state: "table_recreated", reason: "S.t was dropped and created again", fix: `ALTER TABLE "S"."t" RENAME TO "t_before_`, adds: "table_recreated"},
	{name: "a view in its place", target: `DROP TABLE "S"."t"; CREATE VIEW "S"."t" AS SELECT 1 AS id, 2 AS a, 'x'::text AS b`, change: "ALTER TABLE S.t ALTER b SET NOT NULL", rows: "2, 2, 'b'", state: "table_unusable", reason: `"S"."t" is not a table`, fix: "rename what is there, or give the sink another schema", adds: "table_unusable"},
}

// Every change either halts with a fix and continues once an operator has run it, or is applied without one; in the end the
// tables are equal, including older rows.
func TestDrift(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.stream()
		for i, c := range driftCases {
			for _, add := range []bool{false, true} {
				if add && c.adds == c.state {
					continue
				}
				schema := fmt.Sprintf("s%d_%t", i, add)
				t.Run(fmt.Sprintf("%s/%t", c.name, add), func(t *testing.T) {
					defer func(outer *testing.T) { r.t = outer }(r.t)
					r.t = t
					r.drift(c, schema, add)
				})
			}
		}
	})
}

// TestDriftUnsureAgain drops and re-adds a column in a transaction with rows of both, and follows the fix. A row whose column is
// known is then written; each later column with that name is a different one.
func TestDriftUnsureAgain(t *testing.T) {
	const again = "ALTER TABLE public.t DROP b; ALTER TABLE public.t ADD b text DEFAULT 'new'; "
	together := func(n int) string {
		return fmt.Sprintf("BEGIN; INSERT INTO public.t VALUES (%d, 2, 'old'); %s INSERT INTO public.t VALUES (%d, 2, 'row'); COMMIT", n, again, n+1)
	}
	bothWays(t, func(t *testing.T, r *rig) {
		r.stream()
		catalog := &Catalog{Pipeline: "p", Sink: "s"}
		for _, then := range []struct{ sql, reason string }{
			{"", ""},
			{again, "column b of the target is none of the source"},
			{together(20), `whether "b" of the target is the same column is not known`},
		} {
			r.exec("DROP TABLE IF EXISTS public.t", "CREATE TABLE public.t (id int PRIMARY KEY, a int, b text)", "INSERT INTO public.t VALUES (1, 1, 'a')")
			_, err := r.apply(catalog, r.pull())
			r.must(err)
			r.exec(together(10))
			changes := r.pull()
			_, err = r.apply(catalog, changes)
			p := wantProblem(t, err, halts, `whether "b" of the target is the same column is not known`, "tailrace verify -repair")
			r.target.ExecIn(t, r.to, p.Fix)
			_, err = r.apply(catalog, changes)
			r.must(err)
			if r.exec(then.sql); !strings.HasPrefix(then.sql, "BEGIN") {
				r.reconnect() // this reads the catalog again
			}
			r.exec("INSERT INTO public.t VALUES (30, 3, 'b')")
			changes = r.pull()
			if _, err = r.apply(catalog, changes); then.reason == "" {
				r.must(err)
			} else {
				p = wantProblem(t, err, halts, then.reason, "")
				r.target.ExecIn(t, r.to, p.Fix)
				_, err = r.apply(catalog, changes)
				r.must(err)
			}
			r.target.ExecIn(t, r.to, "DROP TABLE public.t; DELETE FROM tailrace.tables WHERE target_table = 't'")
		}
	})
}

func (r *rig) drift(c driftCase, schema string, add bool) {
	in := func(sql string) string {
		return strings.NewReplacer(`"S"`, quote(schema), "S.", schema+".").Replace(sql)
	}
	if c.setup == "" {
		c.setup = "CREATE TABLE S.t (id int PRIMARY KEY, a int, b text)"
	}
	if c.before == "" {
		c.before = "INSERT INTO S.t VALUES (1, 1, 'a')"
		if strings.Contains(c.setup, "a text, b text") {
			c.before = "INSERT INTO S.t VALUES (1, 'a', 'b')"
		} else if strings.HasSuffix(c.setup, "a int NOT NULL)") {
			c.before = "INSERT INTO S.t VALUES (1, 1)"
		} else if strings.Contains(c.setup, "a varchar(3)") {
			c.before = "INSERT INTO S.t VALUES (1, 'aaa', 'a')"
		}
	}
	first := append([]string{"CREATE SCHEMA " + schema, in(c.setup)}, strings.Split(in(c.before), "; ")...)
	if strings.HasPrefix(c.before, "DELETE") {
		first = append(first[:2], in("INSERT INTO S.t VALUES (1, 1, 'a')"), in(c.before))
	}
	r.exec(first...)
	catalog := &Catalog{Pipeline: "p", Sink: "s", AddColumns: add}
	_, err := r.apply(catalog, r.pull())
	r.must(err)
	if c.target != "" {
		r.target.ExecIn(r.t, r.to, in(c.target))
	}
	table := "t"
	if c.name == "rename table" {
		table = "renamed"
	}
	insert := "INSERT INTO " + quote(schema, table) + " VALUES (" + c.rows + ")"
	if c.quiet || strings.Contains(c.change, "ALTER TYPE") || strings.Contains(c.change, "ALTER DOMAIN") {
		r.exec(strings.Split(in(c.change), "; ")...)
		r.reconnect()
		r.exec(insert)
	} else {
		r.exec(append(strings.Split(in(c.change), "; "), insert)...)
	}
	changes := r.pull()
	_, err = r.apply(catalog, changes)
	state := c.state
	if add {
		state = c.adds
	}
	for range 3 { // a fix may lead to another state
		if state == "" {
			break
		}
		if c.reason == "" || c.fix == "" {
			r.t.Fatal("the case does not say what is told")
		}
		if strings.Contains(c.fix, "%") { // names that need no quotes
			c.fix = strings.ReplaceAll(c.fix, "%S", schema)
		}
		p := wantProblem(r.t, err, state, strings.ReplaceAll(in(c.reason), "S.", schema+"."), in(c.fix))
		if c.verify && (strings.Contains(p.Fix, "DROP") || strings.Contains(p.Fix, "RENAME")) {
			r.t.Errorf("the fix guesses: %s", p.Fix)
		}
		if state == "table_unusable" {
			return
		}
		r.target.ExecIn(r.t, r.to, p.Fix)
		if _, err = r.apply(catalog, changes); err == nil {
			break
		}
	}
	r.must(err)
	if state == unknown || c.verify {
		return
	}
	r.equal(schema, table, schema, table)
	if strings.HasPrefix(c.name, "enum label") {
		labels := "SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = '" + schema + ".mood'::regtype"
		if want, got := r.source.Query(r.t, r.from, labels), r.target.Query(r.t, r.to, labels); got != want {
			r.t.Errorf("the labels are %s, want %s", got, want)
		}
	}
	r.followed(catalog, schema, table)
}

// followed checks that the next comparison finds nothing to do.
func (r *rig) followed(c *Catalog, schema, table string) {
	r.t.Helper()
	r.exec("TRUNCATE " + quote(schema, table))
	_, err := r.apply(c, r.pull())
	r.must(err)
}
