// Package ledger judges a line by what comes out of it: a workload whose rows know their own history, and oracles that
// say whether a topic holds that history whole, in order and nothing else.
//
// The workload (Setup, Run) writes rows that carry ver and prev_ver, incremented in SQL, so that a hole or a swap shows
// in the rows themselves; rows of an aborted transaction or savepoint carry ver = -1, which nobody may ever see; each
// transaction ends with a row of ledger.tx_log that says how many changes it made and, when it touched ledger.board,
// the digest of that table at its commit. A commit whose outcome the writer did not learn is no trouble: the truth is
// read from the source at the end (ReadTruth).
//
// An oracle takes the events of a topic one after the other (Observe) and speaks at the end (Done). Within a partition
// the events come in the order of their offsets; how partitions interleave does not matter. The oracles:
//
//	O1 Gap          per key the first-seen ver sequence has no hole
//	O2 Order        first-seen events only grow; a repeat is a contiguous run that ends at the tail
//	O3 Affinity     a key stays on one partition
//	O4 Identity     one event id, one byte-identical payload
//	O5 Atomicity    changes of a transaction = tx_log.n_changes; no -1; the sum of all balances holds at every commit
//	O6 Fingerprint  the topics replayed into scratch tables equal the source at every digest and at the end
//	O8 AckSafety    nothing was acknowledged to the source that was not in the topics; acknowledgements only grow
//	O9 Liveness     at the end lag is 0, and goroutines, descriptors and memory are back where they began
//	O10 Reference   a second slot that reads the same WAL tells the same changes
//
// Each has a test that breaks a good history in one place and wants it found, with the key in the text.
package ledger
