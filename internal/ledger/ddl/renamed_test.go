package ddl

import (
	"fmt"
	"testing"
)

// renamedPrograms are programs in which a fix names a table that has another name before its rows can be compared. They begin with
// c (id, p), with t (id, w, v) and o, of the same columns, and with a frozen daemon. v is the last column: whether a row is older or newer than
// a v that was dropped and added again cannot be told.
var renamedPrograms = map[string]string{
	"a column replaced, then renamed": `do ALTER TABLE t DROP v
do ALTER TABLE t ADD v text
do INSERT INTO t VALUES (3, 1, 'c')
do ALTER TABLE t RENAME TO u
do INSERT INTO u VALUES (4, 1, 'd')`,
	"renamed, then a column replaced": `do ALTER TABLE t RENAME TO u
do INSERT INTO u VALUES (3, 1, 'c')
do ALTER TABLE u DROP v
do ALTER TABLE u ADD v text
do INSERT INTO u VALUES (4, 1, 'd')`,
	"renamed twice": `do ALTER TABLE t DROP v
do ALTER TABLE t ADD v text
do INSERT INTO t VALUES (3, 1, 'c')
do ALTER TABLE t RENAME TO u
do INSERT INTO u VALUES (4, 1, 'd')
do ALTER TABLE u RENAME TO x
do INSERT INTO x VALUES (5, 1, 'e')`,
	"two columns replaced": `do ALTER TABLE t DROP v, DROP w
do ALTER TABLE t ADD w int, ADD v text
do INSERT INTO t VALUES (3, 1, 'c')
do ALTER TABLE t RENAME TO u
do UPDATE u SET w = 7 WHERE id = 1`,
	"names exchanged": `do ALTER TABLE t DROP v
do ALTER TABLE t ADD v text
do ALTER TABLE o DROP v
do ALTER TABLE o ADD v text
tx INSERT INTO t VALUES (3, 1, 'c'); INSERT INTO o VALUES (3, 1, 'c')
tx ALTER TABLE t RENAME TO aside; ALTER TABLE o RENAME TO t; ALTER TABLE aside RENAME TO o
tx INSERT INTO t VALUES (4, 1, 'd'); INSERT INTO o VALUES (4, 1, 'd')`,
	"moved to another schema": `do ALTER TABLE t DROP v
do ALTER TABLE t ADD v text
do INSERT INTO t VALUES (3, 1, 'c')
do ALTER TABLE t SET SCHEMA other
do INSERT INTO other.t VALUES (4, 1, 'd')`,
	"a composite type altered, then renamed": `do INSERT INTO c VALUES (3, ('x', 1))
do ALTER TYPE pair DROP ATTRIBUTE n
do ALTER TABLE c RENAME TO u
do ALTER TABLE u RENAME p TO q
do INSERT INTO u VALUES (4, ROW('y'))
do CREATE TABLE c (id int PRIMARY KEY, p text)
do INSERT INTO c VALUES (1, 'z')`,
	"a column of unknown values, then renamed": `do ALTER TABLE t ADD n bigint NOT NULL DEFAULT (random() * 1000)::bigint
do INSERT INTO t VALUES (3, 1, 'c')
do ALTER TABLE t RENAME TO u
do INSERT INTO u VALUES (4, 1, 'd')`,
}

// TestDDLRenamed expects that the fixes lead to equal tables where one of them names a table that was renamed after its row.
func TestDDLRenamed(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	binary := build(t)
	for name, text := range renamedPrograms {
		for _, version := range versions {
			t.Run(fmt.Sprint(name, "/", version), func(t *testing.T) {
				t.Parallel()
				p, err := Parse("set restart\ndo CREATE SCHEMA other\ndo CREATE TABLE other.kept (id int PRIMARY KEY)\n" +
					"do CREATE TYPE pair AS (s text, n int)\ndo CREATE TABLE c (id int PRIMARY KEY, p pair)\ndo CREATE TABLE t (id int PRIMARY KEY, w int, v text)\ndo CREATE TABLE o (LIKE t INCLUDING ALL)\n" +
					"do INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b')\ndo INSERT INTO o SELECT * FROM t\nstart\nfreeze\n" + text + "\nwake\nsettle\n")
				if err != nil {
					t.Fatal(err)
				}
				s := newStage(t, binary, version)
				s.Tables = `"public.*", "other.*"`
				if err := s.Run(t.Context(), p); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
