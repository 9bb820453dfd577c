// Package postgres keeps another database's tables equal to the source's: a replica, exactly once and byte for byte.
//
// The rows of a group of source transactions and the position behind them are written in one target transaction, so a
// crash at any line leaves both or none of them. The way of a change in here:
//
//	1  Writer.Write      copies the changes into the group that fills, and blocks while too much waits
//	2  group             folds the changes to one key to their effect, table by table, where that is exact
//	3  worker            takes what has filled while the last group was applied: one transaction when idle, many when behind;
//	                     the next one is folded once this one is sent
//	4  target.Catalog    the source's table -> the target's, made or altered in the same transaction
//	5  bulk / serial     COPY and multi-row statements; row by row in the source's order when a bulk statement fails
//	6  progress          UPDATE tailrace.progress ... WHERE owner = ours, which must hit one row (I8)
//	7  COMMIT            in the same round trip where the server sees for itself what may be wrong; then Lane.Held
//
// A source transaction is never visible in part: a group ends at a commit, and one that is larger than memory is
// applied in pieces within one target transaction. A first copy is one source transaction, too.
package postgres
