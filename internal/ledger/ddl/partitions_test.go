package ddl

import "testing"

// filledPrograms are programs in which a partition of p is created, gets a row, and leaves the tree before a check has seen it. They begin
// with a daemon that was killed.
var filledPrograms = map[string]string{
	"detached": `do CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)
do INSERT INTO p VALUES (10, 'x')
do ALTER TABLE p DETACH PARTITION p2`,
	"dropped": `do CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)
do INSERT INTO p VALUES (10, 'x')
do DROP TABLE p2`,
	"in one transaction": `start
sync
tx CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20); INSERT INTO p VALUES (10, 'x'); ALTER TABLE p DETACH PARTITION p2
kill`,
	"renamed and moved to another tree": `do CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)
do INSERT INTO p VALUES (10, 'x')
do ALTER TABLE p DETACH PARTITION p2
do ALTER TABLE p2 RENAME TO q2
do ALTER TABLE q ATTACH PARTITION q2 FOR VALUES FROM (10) TO (20)`,
}

// emptyPrograms are programs after which the source has a published table without rows that was not in the copy. They begin with
// a daemon that was killed.
var emptyPrograms = map[string]string{
	"detached": "do ALTER TABLE p DETACH PARTITION p2",
	"created":  "do CREATE TABLE \"Empty\" (id int PRIMARY KEY)",
	"detached while it runs": `start
sync
do ALTER TABLE p DETACH PARTITION p2
kill`,
}

// TestDDLEmptyTables expects that verify creates a table that joined without rows: no state names it, for no row is missing.
func TestDDLEmptyTables(t *testing.T) {
	everyVersion(t, emptyPrograms, `do CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)
do CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)
do CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)
do INSERT INTO p VALUES (1, 'a')
`)
}

// TestDDLFilledPartitions expects that a partition is named although no check has seen it in its tree.
func TestDDLFilledPartitions(t *testing.T) {
	everyVersion(t, filledPrograms, `do CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)
do CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)
do CREATE TABLE q (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)
do INSERT INTO p VALUES (1, 'a')
`)
}
