package ddl

import (
	"fmt"
	"testing"
)

// labelPrograms are programs in which an added column has a default that the replica's type does not have yet. They begin with
// t (id, m mood, h hue), and a frozen daemon.
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
}

// TestDDLLabels expects that the fix adds and renames labels before it adds the column.
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
					"start\nfreeze\n" + text + "\nwake\nsettle\n")
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
