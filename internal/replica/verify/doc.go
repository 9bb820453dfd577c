// Package verify compares a replica with its source while both are written to, and repairs it.
//
// A table is divided into ranges of its key. For each range, both sides compute a count and a sum of row hashes; where these
// differ, the hashes of the rows tell which keys are suspect. The following steps rule out a difference that is only due to the
// replica's lag:
//
//	1  read the suspect rows in the source, with their xmin
//	2  read the end of the source's WAL, and wait until the replica has reached it
//	3  read the rows in the replica
//	4  read them in the source again
//
// If 1 and 4 return the same version, no transaction changed the row in between, so the replica must have had that version at
// step 3: a difference is then real. Otherwise the row is checked again. A row that the source lacks could have been inserted and
// deleted between 1 and 4; it counts as a difference once two consecutive checks have found the same version in the replica.
//
// A table without a key is compared as a whole. Its repair compares how often each row hash occurs on both sides (repairKeyless).
//
// The two sides need not sort alike: in any order, every key belongs to exactly one of the consecutive ranges from beginning to
// end. With different collations a key may belong to different ranges on the two sides, which only makes it suspect for a while.
package verify
