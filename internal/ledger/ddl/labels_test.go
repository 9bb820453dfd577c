package ddl

import (
	"fmt"
	"testing"
)

// labelPrograms are programs in which labels or attributes are altered in a backlog. They begin with t (id, m mood, h hue),
// u (id, a addr, b int), v (id, a addr), and a frozen daemon.
var labelPrograms = map[string]string{
	"a label added": `do ALTER TYPE mood ADD VALUE 'great'
do ALTER TABLE t ADD COLUMN n mood DEFAULT 'great'
do INSERT INTO t VALUES (2, 'great', 'red', 'great')`,
	"a label renamed": `do ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'
do ALTER TABLE t ADD COLUMN n mood DEFAULT 'blue'
do INSERT INTO t VALUES (2, 'blue', 'red', 'blue')`,
	"types exchanged": `tx ALTER TYPE mood RENAME TO aside; ALTER TYPE hue RENAME TO mood; ALTER TYPE aside RENAME TO hue
do ALTER TABLE t ADD COLUMN n mood DEFAULT 'red'
do INSERT INTO t VALUES (2, 'glad', 'red', 'ok')`,
	"an attribute renamed, and rows of two shapes in a transaction": `do ALTER TYPE addr RENAME ATTRIBUTE nr TO number
do ALTER TABLE u DROP COLUMN b
tx INSERT INTO v VALUES (2, ROW('x', 2)); INSERT INTO u VALUES (2, ROW('y', 3))`,
}

// TestDDLLabels expects that a fix adds and renames labels before it adds a column that has one as its default, and that the fixes for
// two tables with one type do not undo each other.
func TestDDLLabels(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	binary := build(t)
	for name, text := range labelPrograms {
		for _, version := range versions {
			t.Run(fmt.Sprint(name, "/", version), func(t *testing.T) {
				t.Parallel()
				p, err := Parse("do CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad')\ndo CREATE TYPE hue AS ENUM ('red', 'ok')\n" +
					"do CREATE TABLE t (id int PRIMARY KEY, m mood, h hue)\ndo INSERT INTO t VALUES (1, 'sad', 'red')\n" +
					"do CREATE TYPE addr AS (street text, nr int)\ndo CREATE TABLE u (id int PRIMARY KEY, a addr, b int)\n" +
					"do CREATE TABLE v (id int PRIMARY KEY, a addr)\nstart\n" +
					"do INSERT INTO u VALUES (1, ROW('x', 1), 1)\ndo INSERT INTO v VALUES (1, ROW('x', 1))\nsync\nfreeze\n" + text + "\nwake\nsettle\n")
				if err != nil {
					t.Fatal(err)
				}
				if err := newStage(t, binary, version).Run(t.Context(), p); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
