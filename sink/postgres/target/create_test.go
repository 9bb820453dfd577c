package target

import (
	"fmt"
	"strings"
	"testing"
)

// typeCases are pairs of a column type and the SQL of a value, for every kind of type.
var typeCases = []struct{ sql, value string }{
	{"boolean", "true"},
	{"smallint", "-1"},
	{"integer", "1"},
	{"bigint", "9223372036854775807"},
	{"oid", "4294967295"},
	{"real", "'NaN'"},
	{"double precision", "0.1"},
	{"numeric", "'-Infinity'"},
	{"numeric(30,3)", "123456789012345678901234567.1"},
	{"numeric(3,-2)", "12345"},
	{"money", "12.5"},
	{"text", "''"},
	{"varchar", "E'a\\'\\\\b'"},
	{"varchar(10)", "'a'"},
	{"char(3)", "'a'"},
	{"bpchar", "'a '"},
	{`"char"`, "'x'"},
	{"name", "'n'"},
	{"bytea", `'\x00ff'`},
	{"json", `'{"a":  1}'`},
	{"jsonb", `'{"a":1}'`},
	{"jsonpath", "'$.a'"},
	{"date", "'infinity'"},
	{"time(3)", "'12:00:00.1234'"},
	{"timetz", "'12:00+02'"},
	{"timestamp(0)", "'2026-01-02 03:04:05.6'"},
	{"timestamptz", "'0044-03-15 03:04:05.000001Z BC'"},
	{"interval", "'1 year -1 day 2 hours'"},
	{"interval day to second(2)", "'1 day 2.345 seconds'"},
	{"uuid", "'6ecd8c99-4036-403d-bf84-cf8400f67836'"},
	{"inet", "'10.0.0.1/8'"},
	{"cidr", "'10.0.0.0/8'"},
	{"macaddr", "'08:00:2b:01:02:03'"},
	{"macaddr8", "'08:00:2b:01:02:03:04:05'"},
	{"bit", "'1'"},
	{"bit(3)", "'101'"},
	{"bit varying(5)", "'101'"},
	{"bit varying", "'10101010'"},
	{"xml", "'<a/>'"},
	{"tsvector", "'b a'"},
	{"tsquery", "'a & b'"},
	{"point", "'(1,2)'"},
	{"line", "'{1,2,3}'"},
	{"lseg", "'[(1,2),(3,4)]'"},
	{"box", "'(1,1),(0,0)'"},
	{"path", "'[(1,2),(3,4)]'"},
	{"polygon", "'((1,2),(3,4))'"},
	{"circle", "'<(1,2),3>'"},
	{"pg_lsn", "'0/1'"},
	{"pg_snapshot", "'10:20:10'"},
	{"xid", "'42'"},
	{"xid8", "'42'"},
	{"cid", "'42'"},
	{"tid", "'(1,2)'"},
	{"regclass", "'it.row_type'"},
	{"regtype[]", "array['it.mood'::regtype]"},
	{"regproc", "'pg_catalog.now'"},
	{"regrole", "'postgres'"},
	{"aclitem", "'postgres=r/postgres'"},
	{"refcursor", "'c'"},
	{"int2vector", "'1 2'"},
	{"oidvector", "'1 2'"},
	{"int4range", "'[1,3)'"},
	{"tstzrange", "'[2026-01-01Z,)'"},
	{"nummultirange", "'{[1,3)}'"},
	{"int[]", "'[0:1][2:3]={{1,2},{3,NULL}}'"},
	{"numeric(5,1)[]", "'{1}'"},
	{"varchar(4)[]", `'{abc,"",NULL,"NULL"}'`},
	{"bit(2)[]", "'{10}'"},
	{"char(2)[]", "'{a}'"},
	{"box[]", "'{(1,1),(0,0);(2,2),(1,1)}'"},
	{"int4range[]", `'{"[1,2)"}'`},
	{"it.mood", "'so so'"},
	{"it.mood[]", `'{"so so"}'`},
	{"it.span", "'[1.5,2.5]'"},
	{"it.span_multirange", "'{[1.5,2.5]}'"},
	{`it."many Words"`, "'{[a,b)}'"},
	{"it.words", "'[a,b)'"},
	{"it.euro", "5"},
	{"it.price", "5"},
	{"it.euro[]", "'{5}'"},
	{"it.short", "'abc'"},
	{"it.tags", "'{a}'"},
	{"it.tags[]", `array['{a,b}'::it.tags]`},
	{"it.boxes", "'{(1,1),(0,0)}'"},
	{"it.address", `('a "b"',7)`},
	{"it.address[]", "array[('a',7)::it.address]"},
	{"it.home", "('a',7)"},
	{"it.customer", "(1,array[('a',7)::it.address],null,'{}',null,'it.mood')"},
	{"it.row_type", "(1,'x')"},
	{`it."Odd ""type"" 📦"`, "'x'"},
	{"ext.hstore", `'a=>1,b=>NULL'`},
	{"ext.hstore[]", `array['a=>1'::ext.hstore]`},
	{"it.settings", `'a=>1'`},
	{"it.hstore", "'a'"},
	{"ext.citext", "'Ab'"},
	{`text COLLATE "C"`, "'c'"},
	{"it.posix", "'c'"},
}

var typeSetup = []string{
	"CREATE SCHEMA it", "CREATE SCHEMA ext", "CREATE EXTENSION hstore SCHEMA ext", "CREATE EXTENSION citext SCHEMA ext",
	"CREATE TYPE it.mood AS ENUM ('happy', 'so so', 'it''s \\ good')",
	`CREATE TYPE it."Odd ""type"" 📦" AS ENUM ('x')`,
	"CREATE TYPE it.span AS RANGE (subtype = numeric)",
	"CREATE TYPE it.words AS RANGE (subtype = text, subtype_opclass = pg_catalog.text_pattern_ops, collation = \"C\"," +
		` multirange_type_name = it."many Words")`,
	"CREATE DOMAIN it.euro AS numeric CHECK (VALUE >= 0)", "CREATE DOMAIN it.price AS it.euro NOT NULL",
	"CREATE FUNCTION it.ok(text) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true'",
	"CREATE DOMAIN it.short AS varchar(5) CHECK (it.ok(VALUE)) CHECK (length(VALUE) < 5)",
	"CREATE DOMAIN it.tags AS text[]", "CREATE DOMAIN it.boxes AS box[]", `CREATE DOMAIN it.posix AS text COLLATE "POSIX"`,
	`CREATE TYPE it.address AS (street varchar(20), gone int, "no." int)`, "ALTER TYPE it.address DROP ATTRIBUTE gone",
	"CREATE DOMAIN it.home AS it.address",
	"CREATE TYPE it.customer AS (id bigint, addresses it.address[], at timestamptz(3), euros it.euro[], home it.home, kind regtype)",
	"CREATE TABLE it.row_type (a int, b text)", "CREATE DOMAIN it.settings AS ext.hstore", "CREATE TYPE it.hstore AS ENUM ('a')",
}

// Every type is created in the target and every value copied, where the extensions are in another schema.
func TestEveryType(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		var columns, values []string
		for i, c := range typeCases {
			columns = append(columns, fmt.Sprintf("c%d %s", i, c.sql))
			values = append(values, c.value)
		}
		r.exec(typeSetup...)
		r.exec("CREATE TABLE it.everything (" + strings.Join(columns, ", ") + ")")
		r.stream()
		r.exec("INSERT INTO it.everything VALUES (" + strings.Join(values, ", ") + ")")
		changes := r.pull()
		c := &Catalog{Pipeline: "p", Sink: "s"}
		_, err := r.apply(c, changes)
		p := wantProblem(t, err, "extension_missing", "type ext.hstore needs extension hstore", `CREATE EXTENSION "hstore"`)
		r.target.ExecIn(t, r.to, "SET search_path = public; "+p.Fix)
		all, err := r.apply(c, changes)
		r.must(err)
		r.equal("it", "everything", "it", "everything")
		r.sameTypes("it", "everything")
		if rel := all["it.everything"]; len(rel.Notes) != 1 || !strings.Contains(rel.Notes[0], "it.ok(") || !rel.Empty {
			t.Errorf("notes %q, empty %t", rel.Notes, rel.Empty)
		}
		// With a schema of its own, the types move there as well; those of the extension remain in theirs.
		_, err = r.apply(&Catalog{Pipeline: "p", Sink: "other", Schema: "copy"}, changes)
		r.must(err)
		r.equal("it", "everything", "copy", "everything")
		if got := r.target.Query(t, r.to, `SELECT count(*) FROM pg_type t JOIN pg_attribute a ON a.atttypid = t.oid
			WHERE attrelid = 'copy.everything'::regclass AND typnamespace = 'it'::regnamespace`); got != "0" {
			t.Errorf("%s columns of schema copy have types of schema it", got)
		}
	})
}

// sameTypes compares format_type, column by column. Types whose values refer to objects are text.
func (r *rig) sameTypes(schema, table string) {
	r.t.Helper()
	query := func(types string) string {
		return `SELECT string_agg(attname || ' ' || ` + types + ` || CASE WHEN attnotnull THEN '!' ELSE '' END, E'\n'
			ORDER BY attnum) FROM pg_attribute WHERE attrelid = '` + quote(schema, table) + `'::regclass AND attnum > 0`
	}
	plain := "replace(replace(format_type(atttypid, atttypmod), 'public.', ''), 'ext.', '')"
	asText := "regexp_replace(" + plain + ", '^(reg[a-z]+|aclitem)', 'text')"
	want, got := r.source.Query(r.t, r.from, query(asText)), r.target.Query(r.t, r.to, query(plain))
	if got != want {
		r.t.Errorf("target\n%s\nsource\n%s", got, want)
	}
}

// Every replica identity, partitions, generated and identity columns, unusual names, tables without columns.
func TestEveryTable(t *testing.T) {
	long := strings.Repeat("é", 31) + "x" // 63 bytes, the longest possible name
	cases := []struct{ name, create, insert, key string }{
		{"public.plain", "CREATE TABLE public.plain (id bigint PRIMARY KEY, n numeric(12,2) NOT NULL, v text)", "(1, 1, 'a')", "id"},
		{"public.two", "CREATE TABLE public.two (a int, b int, c int, PRIMARY KEY (c, a) INCLUDE (b))", "(1, 2, 3)", "c,a"},
		{"public.without", "CREATE TABLE public.without (a int, b int NOT NULL)", "(1, 2)", ""},
		{"public.late", "CREATE TABLE public.late (a int PRIMARY KEY DEFERRABLE, b int)", "(1, 2)", "a"},
		{
			"public.late_full", "CREATE TABLE public.late_full (a int, b int, UNIQUE (a, b) DEFERRABLE, PRIMARY KEY (b, a) DEFERRABLE INITIALLY DEFERRED); " +
				"ALTER TABLE public.late_full REPLICA IDENTITY FULL", "(1, 2)", "b,a",
		},
		{
			"public.full_", "CREATE TABLE public.full_ (a int, b int, PRIMARY KEY (b, a)); ALTER TABLE public.full_ REPLICA IDENTITY FULL",
			"(1, 2)", "b,a",
		},
		{
			"public.full_without", "CREATE TABLE public.full_without (a json); ALTER TABLE public.full_without REPLICA IDENTITY FULL",
			"('1')", "",
		},
		{
			"public.idx", "CREATE TABLE public.idx (a int PRIMARY KEY, u uuid NOT NULL UNIQUE);" +
				"ALTER TABLE public.idx REPLICA IDENTITY USING INDEX idx_u_key", "(1, '6ecd8c99-4036-403d-bf84-cf8400f67836')", "a",
		},
		{
			"public.idx_alone", "CREATE TABLE public.idx_alone (a int, u uuid NOT NULL, w int NOT NULL); CREATE UNIQUE INDEX i ON public.idx_alone (w, u);" +
				"ALTER TABLE public.idx_alone REPLICA IDENTITY USING INDEX i", "(1, '6ecd8c99-4036-403d-bf84-cf8400f67836', 2)", "",
		},
		{
			"public.nothing", "CREATE TABLE public.nothing (a int PRIMARY KEY); ALTER TABLE public.nothing REPLICA IDENTITY NOTHING",
			"(1)", "a",
		},
		{
			`Sch.ema.Order "Notes" 📦`, `CREATE SCHEMA "Sch.ema"; CREATE TABLE "Sch.ema"."Order ""Notes"" 📦"` +
				`("ID.x" int PRIMARY KEY, "sélect" int, "it's" text)`, "(1, 2, 'b')", "ID.x",
		},
		{"public." + long, "CREATE TABLE " + long + " (" + long + " int PRIMARY KEY)", "(1)", long},
		{"public.zero", "CREATE TABLE public.zero ()", "", ""},
		{
			"public.made", "CREATE TABLE public.made (a int PRIMARY KEY, twice int GENERATED ALWAYS AS (a * 2) STORED, " +
				"own text GENERATED ALWAYS AS (public.f(a)) STORED, c int)", "(1, DEFAULT, DEFAULT, 3)", "a",
		},
		{"public.ident", "CREATE TABLE public.ident (a int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b serial)", "(DEFAULT, DEFAULT)", "a"},
		{
			"public.root", "CREATE TABLE public.root (id int, day date, PRIMARY KEY (day, id)) PARTITION BY RANGE (day); " +
				"CREATE TABLE public.leaf PARTITION OF public.root DEFAULT", "(1, '2026-05-05')", "day,id",
		},
	}
	bothWays(t, func(t *testing.T, r *rig) {
		r.exec("CREATE FUNCTION public.f(int) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1::text'")
		for _, c := range cases {
			r.exec(c.create)
		}
		r.stream()
		for _, c := range cases {
			schema, name, _ := splitLast(c.name)
			insert := "INSERT INTO " + quote(schema, name) + " VALUES " + c.insert
			if c.insert == "" {
				insert = "INSERT INTO " + quote(schema, name) + " DEFAULT VALUES"
			}
			r.exec(insert)
		}
		all, err := r.apply(&Catalog{Pipeline: "p", Sink: "s"}, r.pull())
		r.must(err)
		for _, c := range cases {
			rel := all[c.name]
			var key []string
			for _, i := range rel.Key {
				key = append(key, rel.Columns[i].Name)
			}
			if strings.Join(key, ",") != c.key {
				t.Errorf("%s: key %q", c.name, key)
			}
			schema, name, _ := splitLast(c.name)
			if got := r.target.Query(t, r.to, `SELECT string_agg(a.attname, ',' ORDER BY k.ord)
				FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k (num, ord)
				JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
				WHERE indisprimary AND indrelid = `+literal(quote(schema, name))+`::regclass`); got != c.key {
				t.Errorf("%s: primary key %q, want %q", c.name, got, c.key)
			}
			if got, want := r.uniques(schema, name), map[string]string{"idx": "u", "idx_alone": "u,w"}[name]; got != want {
				t.Errorf("%s: unique indexes besides the key: %q, want %q", c.name, got, want)
			}
			if got := r.target.Query(t, r.to, `SELECT coalesce(string_agg(conname, ' '), '') FROM pg_constraint
				WHERE condeferrable AND condeferred AND conrelid = `+literal(quote(schema, name))+`::regclass`); (got != "") != strings.HasPrefix(name, "late") {
				t.Errorf("%s: deferrable: %q", c.name, got)
			}
			switch {
			case name == "zero":
			case name == "made" && r.source.Version < 18: // the function does not exist there, and the stream lacks the column
				if len(rel.Notes) != 1 || !strings.Contains(rel.Notes[0], `"own"`) {
					t.Errorf("notes %q", rel.Notes)
				}
				if got := r.digest(r.target, r.to, schema, name, "a, twice, c"); got != "(1,2,3)" {
					t.Errorf("made: %s", got)
				}
			default:
				r.equal(schema, name, schema, name)
				r.sameTypes(schema, name)
			}
		}
	})
}

// uniques returns the columns of the target's unique indexes, except the primary key.
func (r *rig) uniques(schema, name string) string {
	r.t.Helper()
	return r.target.Query(r.t, r.to, `SELECT coalesce(string_agg((SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = indrelid AND attnum = ANY (indkey)), ' '), '') FROM pg_index
		WHERE indisunique AND NOT indisprimary AND indrelid = `+literal(quote(schema, name))+`::regclass`)
}

// An existing table without an index that finds rows is accepted, and the log suggests one; where rows are inserted with ON
// CONFLICT the index is required.
func TestIdentityWithoutAnIndex(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE public.t (a int, u int NOT NULL UNIQUE); ALTER TABLE public.t REPLICA IDENTITY USING INDEX t_u_key")
		r.stream()
		r.exec("INSERT INTO public.t VALUES (1, 1)")
		r.target.ExecIn(t, r.to, "CREATE TABLE public.t (a int, u int NOT NULL)")
		const fix = `CREATE UNIQUE INDEX ON "public"."t" ("u");`
		changes := r.pull()
		all, err := r.apply(&Catalog{Pipeline: "p", Sink: "s"}, changes)
		r.must(err)
		if notes := all["public.t"].Notes; len(notes) != 1 || !strings.Contains(notes[0], fix) {
			t.Errorf("notes %q", notes)
		}
		upserts := &Catalog{Pipeline: "p", Sink: "s", Upserts: true}
		_, err = r.apply(upserts, changes)
		p := wantProblem(t, err, halts, `the target has no unique index on the replica identity ("u")`, fix)
		r.target.ExecIn(t, r.to, "TRUNCATE t", p.Fix)
		all, err = r.apply(upserts, changes)
		r.must(err)
		if notes := all["public.t"].Notes; len(notes) != 0 {
			t.Errorf("notes %q", notes)
		}
	})
}

// splitLast splits "Sch.ema.name" at the last dot.
func splitLast(s string) (schema, name string, ok bool) {
	i := strings.LastIndexByte(s, '.')
	return s[:i], s[i+1:], true
}
