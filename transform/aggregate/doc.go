// Package aggregate is the block aggregate: it makes one event of a row and the rows of other tables that belong to it, as one
// transaction has left them.
//
// The step remembers the rows of its tables by their keys, each as the last change of the transaction has left it, in memory of its
// own that is limited. At the end of the transaction it joins them by hash, in time that is proportional to their number, and makes
// the events. The rows of a snapshot give none: a snapshot is one transaction, but it would need all rows at once.
package aggregate
