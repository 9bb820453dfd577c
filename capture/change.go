package capture

import "time"

// Op is what happened to a row.
type Op uint8

// The operations, with the names that String gives.
const (
	Insert   Op = iota // insert
	Update             // update
	Delete             // delete
	Truncate           // truncate: of a whole table, without rows
	Read               // read: a row of a snapshot
)

// String is the name in JSON and in expressions: insert, update, delete, truncate, read.
func (o Op) String() string {
	return [...]string{"insert", "update", "delete", "truncate", "read"}[o]
}

// Tx is what all changes of one transaction share. It is immutable.
type Tx struct {
	LSN   LSN       // where the commit record starts; see Position for a snapshot's
	XID   uint32    // the top transaction's id, which wraps; 0 for a snapshot
	Wraps uint32    // how often ids had wrapped: Postgres' epoch of the id
	Time  time.Time // of the commit by the server's clock, in UTC; of a snapshot its start
	Epoch uint32    // stands for the cluster and the timeline of LSN: part of an event's id
}

// Commit names the transaction in a record; end is where its commit record ends.
func (t *Tx) Commit(end LSN) Commit {
	return Commit{LSN: end, XID: uint64(t.Wraps)<<32 | uint64(t.XID), Time: t.Time}
}

// Snapshot is the consistent point of a virtual transaction; see Position.
func (t *Tx) Snapshot() LSN { return t.LSN + 1 }

// Change is one change of one row, or the truncation of one table.
//
// Its values belong to its Batch and must not be kept longer.
type Change struct {
	Tx     *Tx
	Seq    uint64 // counts from 0 within the transaction
	Op     Op
	Table  *Table
	Before []Value // one a column; nil when the replica identity gave nothing; Absent where it gave less than the row
	After  []Value // one a column; nil for delete and truncate
}

// At is the position just before the change. A sink at p holds the change when c.At().Before(p).
func (c *Change) At() Position { return Position{LSN: c.Tx.LSN, Seq: c.Seq} }

// Row is the new image, or the old one of a delete; nil for a truncate.
func (c *Change) Row() []Value {
	if c.After != nil {
		return c.After
	}
	return c.Before
}

// Batch is a run of changes in commit order: whole transactions, or a part of one that was cut by size.
//
// An empty batch with Commit says that there is nothing for the reader up to End: an idle slot moves by it.
type Batch struct {
	Changes []Change
	End     Position  // after the last change
	Commit  bool      // End stands between transactions
	Time    time.Time // of the last commit in it, by the source's clock; zero for an empty batch
	Last    Commit    // the last transaction with changes that ends in it; zero: none does
	Bytes   int       // what the batch counts in the window: the memory that it keeps alive
	State   []byte    // what the source wants recorded with End; nil: as before
	Copied  bool      // it ends a first copy: of all rows that there were none is still to come
	Tables  []*Table  // all tables of a copy, those without rows too; only the first batch of a copy names them
	// Memory holds those values that are reused after the batch; nil: the garbage collector has all of them. Copies of a
	// batch share it.
	Memory interface{ Release() }
}

// Release gives the memory of large values back to the source, which puts other rows there. The batch's owner calls it
// when every sink that was given the batch, or a part of it, has returned from its Write; from then on no value of the batch
// may be read, in any copy. A batch that is never released is the garbage collector's.
func (b *Batch) Release() {
	if b.Memory != nil {
		b.Memory.Release()
		b.Memory = nil
	}
}

// After returns the part of the batch that a sink at p does not hold yet, and false when it holds all of it. The
// changes are shared, not copied.
func (b Batch) After(p Position) (Batch, bool) {
	if b.End.Compare(p) <= 0 {
		return Batch{}, false
	}
	n := 0
	for n < len(b.Changes) && b.Changes[n].At().Before(p) {
		n++
	}
	b.Changes = b.Changes[n:]
	return b, true
}
