// Package outbox is the outbox block: rows that the application inserts into a table, in the transaction that they tell of, become
// events. The step consumes every change of its table, so the table may be emptied at any time: a row that is inserted and deleted in
// one transaction is one event, and the table stays empty.
package outbox
