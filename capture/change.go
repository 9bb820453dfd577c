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
	Message            // message: what pg_logical_emit_message wrote into the transaction
)

// String returns the name in JSON and in expressions: insert, update, delete, truncate, read, message.
func (o Op) String() string {
	return [...]string{"insert", "update", "delete", "truncate", "read", "message"}[o]
}

// Tx is what all changes of a transaction have in common. It is immutable.
type Tx struct {
	LSN   LSN       // where the commit record starts; see Position for a snapshot's
	XID   uint32    // the top transaction's id, which wraps; 0 for a snapshot
	Wraps uint32    // how often ids had wrapped: Postgres' epoch of the id
	Time  time.Time // of the commit by the server's clock, in UTC; of a snapshot its start
	Epoch uint32    // a hash of the cluster and the timeline of LSN: part of an event's id
	// Annotations is the JSON object with which the application has annotated the transaction before the change, or by it; nil:
	// it has not. Changes before and after an annotation have different Tx pointers with the same LSN: compare with Same. It is
	// compact, valid UTF-8, without duplicate keys, and read only.
	Annotations []byte
}

// Same reports whether both are of one transaction, annotated or not.
func (t *Tx) Same(o *Tx) bool { return t == o || t.LSN == o.LSN }

// Commit returns the commit of the transaction for a record; end is where its commit record ends.
func (t *Tx) Commit(end LSN) Commit {
	return Commit{LSN: end, XID: uint64(t.Wraps)<<32 | uint64(t.XID), Time: t.Time}
}

// Snapshot returns the consistent point of a virtual transaction; see Position.
func (t *Tx) Snapshot() LSN { return t.LSN + 1 }

// Change is one change of one row, the truncation of one table, or one logical message.
//
// Its values belong to its Batch and must not be kept longer.
type Change struct {
	Tx     *Tx
	Seq    uint64 // counts from 0 within the transaction
	Op     Op
	Table  *Table  // of a message: a table named as the message's prefix, without a schema, with one column, content
	Before []Value // one per column; nil when the replica identity has none; Absent for columns outside the replica identity
	After  []Value // one per column; nil for delete and truncate
}

// At returns the position just before the change. A sink at p has the change when c.At().Before(p).
func (c *Change) At() Position { return Position{LSN: c.Tx.LSN, Seq: c.Seq} }

// Row returns the new image, or the old one of a delete; nil for a truncate.
func (c *Change) Row() []Value {
	if c.After != nil {
		return c.After
	}
	return c.Before
}

// Batch is a sequence of changes in commit order: complete transactions, or a part of one that was cut by size.
//
// An empty batch with Commit means that there is no change up to End: it advances an idle slot.
type Batch struct {
	Changes      []Change
	End          Position  // after the last change
	Commit       bool      // End is between transactions
	Time         time.Time // of the last commit in it, by the source's clock; zero for an empty batch
	Last         Commit    // the last transaction with changes that ends in it; zero: none does
	Bytes        int       // the size of the batch in the window: the memory that it keeps alive
	State        []byte    // what the source wants recorded with End, see StateKeeper; nil: the previous state stays
	EndsSnapshot bool      // it ends a first copy: no more rows of the copy follow
	Tables       []*Table  // all tables of a copy, those without rows too; only in the first batch of a copy
	// Memory releases the buffers that are reused after the batch; nil: there are none. Copies of a batch share it.
	Memory interface{ Release() }
}

// Release returns the buffers of large values to the source, which reuses them. The batch's owner calls it when every sink that got
// the batch, or a part of it, has returned from its Write; from then on no value of the batch may be read, in any copy. The garbage
// collector frees a batch that is never released.
func (b *Batch) Release() {
	if b.Memory != nil {
		b.Memory.Release()
		b.Memory = nil
	}
}

// After returns the part of the batch that a sink at p does not have yet, and false when it has all of it. The changes are shared,
// not copied.
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
