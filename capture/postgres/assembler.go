package postgres

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// cut is the size, in bytes of the window, from which a batch is handed over even in the middle of a transaction.
const cut = 256 << 10

// What a change costs beside its text: the Change and its values, on a 64-bit machine.
const (
	changeCost = 80
	valueCost  = 32
)

// assembler makes batches of the messages of a stream: step 4 of the way of one row. It belongs to the socket's
// goroutine; what it hands out belongs to the receiver.
type assembler struct {
	relations *relations
	origin    capture.Origin
	state     []byte // goes with every batch
	local     bool   // transactions with an origin are left out

	batch capture.Batch
	last  capture.LSN // the end of the last batch that ended between transactions
	tx    *capture.Tx // nil: between transactions
	seq   uint64
	left  bool // the transaction is left out: its changes are, its shapes and its end are not
	row   pgoutput.Row
	slab  pgoutput.Slab
	arena arena
	rows  []capture.Change // free room for changes
	txs   []capture.Tx     // free room for transactions
}

// add takes the body of one pgoutput message. own says that the assembler may keep the bytes.
func (a *assembler) add(ctx context.Context, msg []byte, own bool) error {
	if len(msg) == 0 {
		return fmt.Errorf("read change: an empty message")
	}
	body := msg[1:]
	switch kind := pgoutput.Kind(msg[0]); kind {
	case pgoutput.KindInsert, pgoutput.KindUpdate, pgoutput.KindDelete:
		if a.left {
			return nil
		}
		return a.change(kind, body, own)
	case pgoutput.KindBegin:
		return a.begin(body)
	case pgoutput.KindCommit:
		return a.commit(body)
	case pgoutput.KindRelation:
		return a.relation(ctx, body)
	case pgoutput.KindTruncate:
		if a.left {
			return nil
		}
		return a.truncate(body)
	case pgoutput.KindType:
		return a.named(body)
	case pgoutput.KindOrigin: // stands before the changes
		a.left = a.local && a.tx != nil
		return nil
	case pgoutput.KindMessage:
		return nil // it says nothing about rows
	default:
		return fmt.Errorf("read change: a message %s that was not asked for", kind)
	}
}

func (a *assembler) begin(body []byte) error {
	var m pgoutput.Begin
	if err := m.Decode(body); err != nil {
		return err
	}
	if a.tx != nil {
		return fmt.Errorf("read change: transaction %d begins inside transaction %d", m.XID, a.tx.XID)
	}
	a.tx, a.seq, a.left = a.newTx(), 0, false
	*a.tx = capture.Tx{LSN: m.FinalLSN, XID: m.XID, Time: m.Time, Epoch: a.origin.Epoch(m.FinalLSN)}
	return nil
}

func (a *assembler) commit(body []byte) error {
	var m pgoutput.Commit
	if err := m.Decode(body); err != nil {
		return err
	}
	if a.tx == nil || a.tx.LSN != m.LSN {
		return fmt.Errorf("read change: the commit at %s ends no transaction that began", m.LSN)
	}
	a.batch.Time = a.tx.Time
	a.close(capture.Position{LSN: m.EndLSN})
	return nil
}

// close ends a transaction, or says that there is nothing up to end.
func (a *assembler) close(end capture.Position) {
	a.tx = nil
	a.batch.End, a.batch.Commit, a.last = end, true, end.LSN
}

func (a *assembler) relation(ctx context.Context, body []byte) error {
	var m pgoutput.Relation
	if err := m.Decode(body); err != nil {
		return err
	}
	if a.tx == nil {
		return fmt.Errorf("read change: a table is described outside of a transaction")
	}
	_, err := a.relations.message(ctx, a.tx.XID, &m)
	return err
}

func (a *assembler) named(body []byte) error {
	var m pgoutput.Type
	if err := m.Decode(body); err != nil {
		return err
	}
	a.relations.named(m)
	return nil
}

func (a *assembler) truncate(body []byte) error {
	var m pgoutput.Truncate
	if err := m.Decode(body); err != nil {
		return err
	}
	for _, id := range m.Relations {
		t, err := a.table(id)
		if err != nil {
			return err
		}
		a.append(capture.Change{Op: capture.Truncate, Table: t}, changeCost)
	}
	return nil
}

// change takes a row over: its values are slices of the message, as the server printed them (I5).
func (a *assembler) change(kind pgoutput.Kind, body []byte, own bool) (err error) {
	if !own {
		body = a.arena.copy(body)
	}
	var op capture.Op
	switch kind {
	case pgoutput.KindInsert:
		op, err = capture.Insert, a.row.DecodeInsert(body, &a.slab)
	case pgoutput.KindUpdate:
		op, err = capture.Update, a.row.DecodeUpdate(body, &a.slab)
	default:
		op, err = capture.Delete, a.row.DecodeDelete(body, &a.slab)
	}
	if err != nil {
		return err
	}
	t, err := a.table(a.row.Relation)
	if err != nil {
		return err
	}
	if err := a.shape(t); err != nil {
		return err
	}
	c := capture.Change{Op: op, Table: t, Before: a.row.Old, After: a.row.New}
	a.append(c, len(body)+changeCost+valueCost*(len(c.Before)+len(c.After)))
	return nil
}

func (a *assembler) table(id uint32) (*capture.Table, error) {
	if a.tx == nil {
		return nil, fmt.Errorf("read change: a change outside of a transaction")
	}
	if t := a.relations.table(id); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("read change: relation %d was not described", id)
}

// shape makes the old row say what it is, and fills an unchanged value where the old row carries it.
func (a *assembler) shape(t *capture.Table) error {
	before, after := a.row.Old, a.row.New
	if before != nil && len(before) != len(t.Columns) || after != nil && len(after) != len(t.Columns) {
		return fmt.Errorf("read change: a row of %s has %d and %d values for %d columns", t, len(before), len(after), len(t.Columns))
	}
	switch a.row.OldKind {
	case pgoutput.OldKey:
		for i := range before {
			if !t.Columns[i].Identity {
				before[i] = capture.Value{Kind: capture.Absent}
			}
		}
	case pgoutput.OldRow:
		for i := range after {
			if after[i].Kind == capture.Unchanged {
				after[i] = before[i]
			}
		}
	}
	return nil
}

// append puts a change into the batch; bytes is what it counts in the window.
func (a *assembler) append(c capture.Change, bytes int) {
	c.Tx, c.Seq = a.tx, a.seq
	a.seq++
	if n := len(a.batch.Changes); n == cap(a.batch.Changes) {
		a.grow(n)
	}
	a.batch.Changes = append(a.batch.Changes, c)
	a.batch.Bytes += bytes
	a.batch.End, a.batch.Commit, a.batch.Time = capture.Position{LSN: a.tx.LSN, Seq: a.seq}, false, a.tx.Time
}

// room is how many changes or transactions are allocated at once: single-row batches share it.
const room = 64

// grow makes room for more changes than n. Batches of a few changes take slices of one allocation.
func (a *assembler) grow(n int) {
	if n == 0 {
		if len(a.rows) == 0 {
			a.rows = make([]capture.Change, room)
		}
		a.batch.Changes = a.rows[:0]
		return
	}
	bigger := make([]capture.Change, n, 4*n)
	copy(bigger, a.batch.Changes)
	a.batch.Changes, a.rows = bigger, nil
}

func (a *assembler) newTx() *capture.Tx {
	if len(a.txs) == 0 {
		a.txs = make([]capture.Tx, room)
	}
	tx := &a.txs[0]
	a.txs = a.txs[1:]
	return tx
}

// full says that the batch has to go now. The window may be over its limit by one batch, so a batch is cut too (I6); only
// a single row can make a larger one.
func (a *assembler) full() bool { return a.batch.Bytes >= cut }

// whole says that the batch ends between transactions and says something.
func (a *assembler) whole() bool { return a.batch.Commit }

// take hands the batch out and begins a new one.
func (a *assembler) take() capture.Batch {
	b := a.batch
	b.State = a.state
	n := len(b.Changes)
	if n > 0 && len(a.rows) > 0 {
		a.rows = a.rows[n:]
	}
	b.Changes = b.Changes[:n:n]
	a.batch = capture.Batch{}
	return b
}

// arena is memory for the text of rows, in chunks that batches share.
type arena struct{ free []byte }

func (a *arena) copy(b []byte) []byte {
	const chunk = 64 << 10
	if len(b) > len(a.free) {
		if len(b) > chunk/4 {
			return append([]byte(nil), b...)
		}
		a.free = make([]byte, chunk)
	}
	n := copy(a.free, b)
	c := a.free[:n:n]
	a.free = a.free[n:]
	return c
}
