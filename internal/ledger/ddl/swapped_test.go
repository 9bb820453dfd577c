package ddl

import (
	"fmt"
	"strings"
	"testing"
)

// swappedPrograms are programs in which two columns of different types exchange their names while it is not known which columns some rows
// have. They begin with t (id, a boolean, b text). SWAP stands for the three renames.
var swappedPrograms = map[string]string{
	"one added again, then swapped": `do ALTER TABLE t DROP b, ADD b text DEFAULT 'new'
tx SWAP
do INSERT INTO t (id, b, a) VALUES (3, true, 'c')`,
	"one added again, a row, then swapped": `do ALTER TABLE t DROP b, ADD b text DEFAULT 'new'
do INSERT INTO t (id, a, b) VALUES (4, true, 'd')
tx SWAP
do INSERT INTO t (id, b, a) VALUES (3, true, 'c')`,
	"all in one transaction": `tx ALTER TABLE t DROP b, ADD b text DEFAULT 'new'; INSERT INTO t (id, a, b) VALUES (4, true, 'd'); SWAP; INSERT INTO t (id, b, a) VALUES (3, true, 'c')`,
	"both replaced by the other's type": `do ALTER TABLE t DROP a, DROP b
do ALTER TABLE t ADD a text, ADD b boolean
do INSERT INTO t (id, a, b) VALUES (3, 'c', true)`,
	"swapped, then one added again": `tx SWAP
do ALTER TABLE t DROP b, ADD b boolean
do INSERT INTO t (id, b, a) VALUES (3, true, 'c')`,
}

// bothTypesPrograms are programs with a transaction that has rows from before and after its change of a column's type. They begin with
// t (id, a boolean, b text, n int, d date).
var bothTypesPrograms = map[string]string{
	"narrowed":       `tx INSERT INTO t VALUES (3, true, 'c', 104, NULL); ALTER TABLE t ALTER n TYPE smallint USING (n % 100)::smallint; INSERT INTO t VALUES (4, true, 'd', 5, NULL)`,
	"of other types": `tx INSERT INTO t VALUES (3, true, 'c', 4, '2026-01-02'); ALTER TABLE t ALTER a TYPE int USING a::int; ALTER TABLE t ALTER d TYPE text USING 'was ' || d; INSERT INTO t VALUES (4, 7, 'd', 5, 'x')`,
}

const swap = "ALTER TABLE t RENAME a TO x; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME x TO b"

// TestDDLSwapped expects that the fixes lead to equal columns: a text column takes the values of a boolean one, but prints them in another
// way where a query casts them.
func TestDDLSwapped(t *testing.T) {
	everyVersion(t, swappedPrograms, "do CREATE TABLE t (id int PRIMARY KEY, a boolean, b text)\ndo INSERT INTO t VALUES (1, true, 'a'), (2, false, 'b')\n")
}

// TestDDLBothTypes expects that the fixes end, and lead to equal tables, where the rows of one transaction have two types.
func TestDDLBothTypes(t *testing.T) {
	everyVersion(t, bothTypesPrograms, "do CREATE TABLE t (id int PRIMARY KEY, a boolean, b text, n int, d date)\n"+
		"do INSERT INTO t VALUES (1, true, 'a', 102, '2026-01-01'), (2, false, 'b', 7, NULL)\n")
}

// everyVersion runs programs after a setup, the first start of a daemon, and a kill.
func everyVersion(t *testing.T, programs map[string]string, setup string) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	binary := build(t)
	for name, text := range programs {
		for _, version := range versions {
			t.Run(fmt.Sprint(name, "/", version), func(t *testing.T) {
				t.Parallel()
				p, err := Parse("set restart\n" + setup + "start\nkill\n" + strings.ReplaceAll(text, "SWAP", swap) + "\nstart\nsettle\n")
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
