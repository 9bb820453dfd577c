// Package verify compares a replica with its source while both are written to, and repairs it.
//
// A table is cut into ranges of its key. Of each range both sides give a count and a sum of row hashes; where those
// differ, the rows' hashes tell which keys are in doubt. What follows makes sure that a doubt is not only the distance
// between source and replica:
//
//	1  read the doubtful rows in the source, with their xmin
//	2  ask where the source's WAL ends, and wait until the replica holds that
//	3  read them in the replica
//	4  read them in the source again
//
// Where 1 and 4 saw the same version, no transaction changed the row in between, so the replica, which stood between
// the two, must have had it: a difference is then one. Where they did not, the row is looked at again. A row that the
// source has not could have come and gone between 1 and 4; it counts once two looks in a row have seen the same version
// of it in the replica.
//
// A table without a key is compared as a whole, and repaired by how often each row hash is on both sides (repairKeyless).
//
// Ranges need no common order: whatever the order of keys is on a side, every key lies in one of the ranges that follow
// each other from the beginning to the end. With another collation a key may lie in different ranges on the two sides,
// and is only in doubt for a while.
package verify
