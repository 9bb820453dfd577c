package target

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// typeDriftCase is what happens to the types of a table t (id, a, b). Each step is committed and written separately; "target: ..." is run
// in the target, "behind: ..." while the source is not read, so that its rows come after the types were read. S stands for the case's
// schema.
type typeDriftCase struct {
	name  string
	setup string // in the source
	steps []string
	halts []string // the reasons of the states
	adds  []string // with add_columns; nil: the same
	fix   string   // a part of the fixes
}

const (
	moodTable  = "CREATE TYPE S.mood AS ENUM ('m', 'n'); CREATE TABLE S.t (id int PRIMARY KEY, a S.mood, b text); INSERT INTO S.t VALUES (1, 'm', 'a'), (2, 'n', 'b')"
	pairTable  = "CREATE TYPE S.pair AS (x int, y text); CREATE TABLE S.t (id int PRIMARY KEY, a S.pair, b text); INSERT INTO S.t VALUES (1, '(1,a)', 'a')"
	forgotten  = "target: DELETE FROM tailrace.types; DELETE FROM tailrace.tables"
	called     = `is called`
	otherTexts = "has another shape of the composite type of column a"
)

var typeDrifts = []typeDriftCase{
	{name: "labels exchanged", setup: moodTable, steps: []string{"behind: INSERT INTO S.t VALUES (3, 'm', 'c'); ALTER TYPE S.mood RENAME VALUE 'm' TO 'x'; ALTER TYPE S.mood RENAME VALUE 'n' TO 'm'; ALTER TYPE S.mood RENAME VALUE 'x' TO 'n'; INSERT INTO S.t VALUES (4, 'm', 'd')"}, halts: []string{"label m of enum"}},
	{name: "a label renamed, and its name added again", setup: moodTable, steps: []string{"behind: INSERT INTO S.t VALUES (3, 'm', 'c'); ALTER TYPE S.mood RENAME VALUE 'm' TO 'o'; ALTER TYPE S.mood ADD VALUE 'm'; INSERT INTO S.t VALUES (4, 'm', 'd'), (5, 'o', 'e')"}, halts: []string{"label m of enum"}},
	{name: "a row before a renamed label", setup: moodTable, steps: []string{"behind: INSERT INTO S.t VALUES (3, 'm', 'c'); ALTER TYPE S.mood RENAME VALUE 'm' TO 'o'; INSERT INTO S.t VALUES (4, 'o', 'd')"}, halts: []string{called, "has label m of enum"}},
	{name: "a row between two names of a label", setup: moodTable, steps: []string{"behind: ALTER TYPE S.mood RENAME VALUE 'm' TO 'x'; INSERT INTO S.t VALUES (3, 'x', 'c'); ALTER TYPE S.mood RENAME VALUE 'x' TO 'y'; INSERT INTO S.t VALUES (4, 'y', 'd')"}, halts: []string{called, "has label x of enum"}},
	{name: "a former label is used again", setup: moodTable, steps: []string{"behind: INSERT INTO S.t VALUES (3, 'm', 'c'); ALTER TYPE S.mood RENAME VALUE 'm' TO 'o'; INSERT INTO S.t VALUES (4, 'o', 'd')", "behind: ALTER TYPE S.mood RENAME VALUE 'n' TO 'm'; INSERT INTO S.t VALUES (5, 'm', 'e')"}, halts: []string{called, "has label m of enum", called}},
	{name: "labels renamed and added without a record", setup: moodTable, steps: []string{forgotten, "behind: ALTER TYPE S.mood RENAME VALUE 'm' TO 'o'; ALTER TYPE S.mood ADD VALUE 'z' BEFORE 'o'; INSERT INTO S.t VALUES (3, 'o', 'c'), (4, 'z', 'd')"}, halts: []string{"lacks label z"}},
	{name: "a label of the target's own in the way", setup: moodTable, steps: []string{`target: ALTER TYPE "S".mood ADD VALUE 'o'`, "behind: ALTER TYPE S.mood RENAME VALUE 'm' TO 'o'; INSERT INTO S.t VALUES (3, 'o', 'c')"}, halts: []string{called}},
	{name: "an attribute dropped and another added", setup: pairTable, steps: []string{"behind: ALTER TYPE S.pair DROP ATTRIBUTE x; ALTER TYPE S.pair ADD ATTRIBUTE z text; INSERT INTO S.t VALUES (2, '(b,c)', 'b')"}, halts: []string{"has attribute x in the target only"}},
	{name: "the same without a record", setup: pairTable, steps: []string{forgotten, "behind: ALTER TYPE S.pair DROP ATTRIBUTE x; ALTER TYPE S.pair ADD ATTRIBUTE z text; INSERT INTO S.t VALUES (2, '(b,c)', 'b')"}, halts: []string{"has attribute x in the target only"}},
	{name: "an attribute replaced by one of its type", setup: pairTable, steps: []string{"behind: INSERT INTO S.t VALUES (2, '(2,old)', 'b'); ALTER TYPE S.pair DROP ATTRIBUTE y; ALTER TYPE S.pair ADD ATTRIBUTE z text; INSERT INTO S.t VALUES (3, '(3,new)', 'c')"}, halts: []string{"has attribute y in the target only"}},
	{name: "an attribute replaced by one of its name", setup: pairTable, steps: []string{"behind: ALTER TYPE S.pair DROP ATTRIBUTE x; ALTER TYPE S.pair ADD ATTRIBUTE x int; INSERT INTO S.t VALUES (3, '(new,3)', 'c')"}, halts: []string{"has attribute x in the target only"}},
	{name: "an attribute renamed, and its name added again", setup: pairTable, steps: []string{"behind: ALTER TYPE S.pair RENAME ATTRIBUTE y TO z; ALTER TYPE S.pair ADD ATTRIBUTE y text; INSERT INTO S.t VALUES (2, '(1,b,c)', 'b')"}, halts: []string{"attribute z of type"}},
	{name: "an attribute renamed without a record", setup: pairTable, steps: []string{forgotten, "behind: ALTER TYPE S.pair RENAME ATTRIBUTE y TO z; INSERT INTO S.t VALUES (2, '(1,b)', 'b')"}, halts: []string{"attribute z of type"}},
	{name: "a row before a dropped attribute", setup: pairTable, steps: []string{"behind: INSERT INTO S.t VALUES (2, '(2,b)', 'b'); ALTER TYPE S.pair DROP ATTRIBUTE x; INSERT INTO S.t VALUES (3, '(c)', 'c')"}, halts: []string{"has attribute x in the target only", otherTexts}},
	{name: "a row before an added attribute", setup: pairTable, steps: []string{"behind: INSERT INTO S.t VALUES (2, '(2,b)', 'b'); ALTER TYPE S.pair ADD ATTRIBUTE z int; INSERT INTO S.t VALUES (3, '(3,c,3)', 'c')"}, halts: []string{"lacks attribute z", otherTexts}, adds: []string{otherTexts}},
	{name: "a row before another type of attribute", setup: "CREATE TYPE S.pair AS (x text); CREATE TABLE S.t (id int PRIMARY KEY, a S.pair[], b text); INSERT INTO S.t VALUES (1, '{(a)}', 'a')", steps: []string{"behind: INSERT INTO S.t VALUES (2, '{(b)}', 'b'); ALTER TYPE S.pair DROP ATTRIBUTE x; ALTER TYPE S.pair ADD ATTRIBUTE x int; INSERT INTO S.t VALUES (3, '{(3)}', 'c')"}, halts: []string{"has attribute x in the target only", otherTexts}},
	{name: "an older label in a composite type", setup: "CREATE TYPE S.mood AS ENUM ('m'); CREATE TYPE S.pair AS (x S.mood, y text); CREATE TABLE S.t (id int PRIMARY KEY, a S.pair, b text); INSERT INTO S.t VALUES (1, '(m,a)', 'a')", steps: []string{"behind: INSERT INTO S.t VALUES (2, '(m,b)', 'b'); ALTER TYPE S.pair DROP ATTRIBUTE x; ALTER TYPE S.pair ADD ATTRIBUTE x S.mood; INSERT INTO S.t VALUES (3, '(c,m)', 'c')"}, halts: []string{"has attribute x in the target only", otherTexts}},
	{name: "labels kept as text", setup: moodTable, steps: []string{`target: ALTER TABLE "S"."t" ALTER a TYPE text`, "ALTER TABLE S.t ALTER b SET NOT NULL; INSERT INTO S.t VALUES (3, 'n', 'c')", "behind: ALTER TYPE S.mood ADD VALUE 'z'; INSERT INTO S.t VALUES (4, 'z', 'd')", "behind: ALTER TYPE S.mood RENAME VALUE 'm' TO 'o'; INSERT INTO S.t VALUES (5, 'o', 'd')"}, halts: []string{"as text, and the source prints older ones"}},
	{name: "attributes kept as text", setup: pairTable, steps: []string{`target: ALTER TABLE "S"."t" ALTER a TYPE text`, "ALTER TABLE S.t ALTER b SET NOT NULL; INSERT INTO S.t VALUES (2, '(2,b)', 'b')", "behind: ALTER TYPE S.pair RENAME ATTRIBUTE y TO z; INSERT INTO S.t VALUES (3, '(3,c)', 'b')", "behind: ALTER TYPE S.pair ADD ATTRIBUTE w int; INSERT INTO S.t VALUES (4, '(4,d,1)', 'b')"}, halts: []string{"as text, and the source prints older ones"}},
	{name: "without a cast", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a int, b text); INSERT INTO S.t VALUES (1, 1, 'a')", steps: []string{"ALTER TABLE S.t ALTER a TYPE uuid USING md5(a::text)::uuid; INSERT INTO S.t VALUES (2, md5('x')::uuid, 'b')"}, halts: []string{"column a has become uuid"}},
	{name: "without a cast, required", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a boolean NOT NULL, b text); INSERT INTO S.t VALUES (1, true, 'a')", steps: []string{"ALTER TABLE S.t ALTER a TYPE date USING '2026-01-02'::date; INSERT INTO S.t VALUES (2, '2026-01-03', 'b')"}, halts: []string{"column a has become date"}},
	{name: "without a cast, with a default", setup: "CREATE TABLE S.t (id int PRIMARY KEY, b text); INSERT INTO S.t VALUES (1, 'a')", steps: []string{"ALTER TABLE S.t ADD a int NOT NULL DEFAULT 5; INSERT INTO S.t VALUES (2, 'b', 2)", "ALTER TABLE S.t ALTER a DROP DEFAULT; ALTER TABLE S.t ALTER a TYPE uuid USING md5(a::text)::uuid; INSERT INTO S.t VALUES (3, 'b', md5('x')::uuid)"}, halts: []string{"column a is missing", "column a has become uuid"}, adds: []string{"column a has become uuid"}},
	{name: "a key without a cast", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a int, b text); INSERT INTO S.t VALUES (1, 1, 'a')", steps: []string{"ALTER TABLE S.t ALTER id TYPE uuid USING md5(id::text)::uuid; INSERT INTO S.t VALUES (md5('x')::uuid, 2, 'b')"}, halts: []string{"column id has become uuid"}},
	{name: "a type that the target lacks", setup: "CREATE TYPE S.mood AS ENUM ('m', 'n'); CREATE TABLE S.t (id int PRIMARY KEY, a text, b text); INSERT INTO S.t VALUES (1, 'm', 'a')", steps: []string{"ALTER TABLE S.t ALTER a TYPE S.mood USING a::S.mood; INSERT INTO S.t VALUES (2, 'n', 'b')"}, halts: []string{"column a has become"}, fix: `USING "a"::`},
	{name: "values that the cast refuses", setup: "CREATE TABLE S.t (id int PRIMARY KEY, a text, b text); INSERT INTO S.t VALUES (1, 'one', 'a')", steps: []string{"ALTER TABLE S.t ALTER a TYPE int USING length(a); INSERT INTO S.t VALUES (2, 2, 'b')"}, halts: []string{"column a has become integer"}},
	{name: "values that the cast refuses, without a record", setup: "CREATE TYPE S.mood AS ENUM ('m', 'n'); CREATE TABLE S.t (id int PRIMARY KEY, a varchar(9), b text); INSERT INTO S.t VALUES (1, 'was m', 'a')", steps: []string{forgotten, "ALTER TABLE S.t ALTER a TYPE S.mood USING right(a, 1)::S.mood; INSERT INTO S.t VALUES (4, 'n', 'd')"}, halts: []string{"column a is"}},
}

// After every change of a type or of values the tables are equal once the fixes were followed: with verify -repair only where a fix
// names it.
func TestTypeDrift(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.stream()
		for i, c := range typeDrifts {
			for _, add := range []bool{false, true} {
				schema := fmt.Sprintf("y%d_%t", i, add)
				t.Run(fmt.Sprintf("%s/%t", c.name, add), func(t *testing.T) {
					defer func(outer *testing.T) { r.t = outer }(r.t)
					r.t = t
					r.typeDrift(c, schema, add)
				})
			}
		}
	})
}

func (r *rig) typeDrift(c typeDriftCase, schema string, add bool) {
	in := strings.NewReplacer(`"S"`, quote(schema), "S.", schema+".")
	catalog, want := &Catalog{Pipeline: "p", Sink: "s", AddColumns: add}, c.halts
	if add && c.adds != nil {
		want = c.adds
	}
	r.fixes = nil
	r.exec("CREATE SCHEMA " + schema)
	for i, step := range append([]string{c.setup}, c.steps...) {
		if sql, ok := strings.CutPrefix(step, "target: "); ok {
			r.target.ExecIn(r.t, r.to, in.Replace(sql))
			continue
		}
		sql, behind := strings.CutPrefix(step, "behind: ")
		if behind {
			r.stop()
		}
		r.exec(strings.Split(in.Replace(sql), "; ")...)
		if behind {
			r.reconnect()
		}
		want = r.follow(catalog, r.pull(), want, i)
	}
	if len(want) > 0 {
		r.t.Errorf("no state says %q", want)
	}
	fixes := strings.Join(r.fixes, "\n")
	if !strings.Contains(fixes, c.fix) {
		r.t.Errorf("the fixes lack %s:\n%s", c.fix, fixes)
	}
	if strings.Contains(fixes, "FILE;") {
		r.t.Errorf("a command ends like SQL:\n%s", fixes)
	}
	if strings.Contains(fixes, "verify -repair") {
		r.repair(schema)
	}
	for _, last := range afterThat.FindAllStringSubmatch(fixes, -1) {
		r.target.ExecIn(r.t, r.to, last[1])
	}
	r.equal(schema, "t", schema, "t")
	r.followed(catalog, schema, "t")
}

var afterThat = regexp.MustCompile(`(?m)^-- after that: (.*;)$`)

// repair copies all rows from the source, as verify -repair would copy those that differ.
func (r *rig) repair(schema string) {
	r.t.Helper()
	rows := r.source.Query(r.t, r.from, fmt.Sprintf("SELECT string_agg(format('INSERT INTO %[1]s.t (id, a, b) VALUES (%%L, %%L, %%L);', id, a, b), ' ') FROM %[1]s.t", schema))
	r.target.ExecIn(r.t, r.to, "TRUNCATE "+schema+".t; "+rows)
}
