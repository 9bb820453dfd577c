// Package ledger checks a pipeline by its output: its oracles check that a topic holds the history of package workload
// completely, in order and without anything else.
//
// An oracle receives the events of a topic one at a time (Observe) and returns its findings at the end (Done). Within a
// partition events arrive in the order of their offsets; the interleaving of partitions does not matter. The oracles:
//
//	O1 Gap          per key the first-seen ver sequence has no gap
//	O2 Order        first-seen events only grow; a repeat is a contiguous run that ends at the tail
//	O3 Affinity     a key stays on one partition
//	O4 Identity     one event id, one byte-identical payload
//	O5 Atomicity    changes of a transaction = tx_log.n_changes; no -1; the sum of all balances holds at every commit
//	O5 Expected     the events that blocks have made are those that the transactions expect
//	O6 Fingerprint  the topics replayed into scratch tables equal the source at every digest and at the end
//	O8 AckSafety    every acknowledged change was in the topics already; acknowledgements only grow
//	O9 Liveness     at the end lag is 0, and goroutines, descriptors and memory are back at their initial level
//	O10 Reference   a second slot that reads the same WAL yields the same changes
//
// O1 to O4 and O8 apply to the events of blocks too (ObserveEvent): these carry ver and prev_ver per kind and key.
//
// Each oracle has a test that breaks a correct history in one place and expects a finding that names the key.
package ledger
