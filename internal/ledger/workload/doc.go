// Package workload writes rows that record their own history, for the oracles of package ledger.
//
// Its rows (Setup, Run) carry ver and prev_ver, incremented in SQL, so that a gap or a swap shows in the rows themselves; rows
// of an aborted transaction or savepoint carry ver = -1, which no consumer may ever see; each transaction ends with a row of
// ledger.tx_log that holds the number of its changes and, if it wrote ledger.board, the digest of that table at its commit. A
// commit with an outcome unknown to the writer is no problem: ReadTruth reads the committed transactions from the source at
// the end.
package workload
