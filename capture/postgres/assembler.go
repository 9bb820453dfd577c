package postgres

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/internal/bufpool"
)

// cut is the size, in bytes of the window, from which a batch is handed over even in the middle of a transaction.
const cut = 256 << 10

// The memory of a change in addition to its text: the Change and its values, on a 64-bit machine.
const (
	changeCost = 80
	valueCost  = 32
)

// assembler builds batches from the messages of a stream: step 4 of the way of one row. It belongs to the socket's
// goroutine; the batches that it returns belong to the receiver.
type assembler struct {
	relations *relations
	origin    capture.Origin
	state     []byte // added to every batch
	local     bool   // transactions with an origin are skipped
	names     *publication.View
	trees     *trees            // nil: they are not watched
	unnamed   map[uint32]string // tables whose rows are skipped because the file does not name them

	batch capture.Batch
	large buffers     // of the batch
	last  capture.LSN // the end of the last batch that ended between transactions
	tx    *capture.Tx // nil: between transactions
	seq   uint64
	xid   uint64 // near that of the last transaction, with the times that ids have wrapped
	left  bool   // the transaction is skipped: its changes are dropped, its relation messages and its end are not
	row   pgoutput.Row
	slab  pgoutput.Slab
	arena arena
	rows  []capture.Change // free room for changes
	txs   []capture.Tx     // free room for transactions
}

// add handles the body of one pgoutput message. If own is not nil, it holds the message and belongs to the assembler from
// now on.
func (a *assembler) add(ctx context.Context, msg []byte, own *bufpool.Buffer) error {
	if len(msg) > 0 && !a.left {
		switch kind := pgoutput.Kind(msg[0]); kind {
		case pgoutput.KindInsert, pgoutput.KindUpdate, pgoutput.KindDelete:
			return a.change(kind, msg[1:], own)
		}
	}
	defer own.Release()
	return a.other(ctx, msg)
}

// asks reports whether a message may need the control connection.
func (a *assembler) asks(kind pgoutput.Kind) bool {
	return kind == pgoutput.KindRelation || kind == pgoutput.KindBegin && a.relations.typeWatch.stale()
}

// other handles a message whose bytes are not kept.
func (a *assembler) other(ctx context.Context, msg []byte) error {
	if len(msg) == 0 {
		return fmt.Errorf("read change: an empty message")
	}
	body := msg[1:]
	switch kind := pgoutput.Kind(msg[0]); kind {
	case pgoutput.KindInsert, pgoutput.KindUpdate, pgoutput.KindDelete: // skipped
		return nil
	case pgoutput.KindBegin:
		return a.begin(ctx, body)
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
	case pgoutput.KindOrigin: // precedes the changes
		a.left = a.local && a.tx != nil
		return nil
	case pgoutput.KindMessage:
		return nil // it has no information about rows
	default:
		return fmt.Errorf("read change: a message %s that was not asked for", kind)
	}
}

func (a *assembler) begin(ctx context.Context, body []byte) error {
	var m pgoutput.Begin
	if err := m.Decode(body); err != nil {
		return err
	}
	if a.tx != nil {
		return fmt.Errorf("read change: transaction %d begins inside transaction %d", m.XID, a.tx.XID)
	}
	a.tx, a.seq, a.left = a.newTx(), 0, false
	a.xid += uint64(int64(int32(m.XID - uint32(a.xid)))) // ids in the stream are near each other
	*a.tx = capture.Tx{LSN: m.FinalLSN, XID: m.XID, Wraps: uint32(a.xid >> 32), Time: m.Time, Epoch: a.origin.Epoch(m.FinalLSN)}
	return a.relations.begin(ctx, m.XID)
}

func (a *assembler) commit(body []byte) error {
	var m pgoutput.Commit
	if err := m.Decode(body); err != nil {
		return err
	}
	if a.tx == nil || a.tx.LSN != m.LSN {
		return fmt.Errorf("read change: the commit at %s ends no transaction that began", m.LSN)
	}
	a.ends(m.EndLSN)
	a.close(capture.Position{LSN: m.EndLSN})
	return nil
}

// ends records that the transaction ends in the batch, with a commit record that ends at end.
func (a *assembler) ends(end capture.LSN) {
	a.batch.Time = a.tx.Time
	if a.seq > 0 {
		a.batch.Last = a.tx.Commit(end)
	}
}

// close ends a transaction, or records that there are no changes up to end.
func (a *assembler) close(end capture.Position) {
	a.tx = nil
	a.batch.End, a.batch.Commit, a.last = end, true, end.LSN
	if a.trees != nil {
		a.trees.read.Store(uint64(end.LSN))
	}
}

func (a *assembler) relation(ctx context.Context, body []byte) error {
	var m pgoutput.Relation
	if err := m.Decode(body); err != nil {
		return err
	}
	if a.tx == nil {
		return fmt.Errorf("read change: a table is described outside of a transaction")
	}
	if a.names != nil {
		if ours, err := a.names.Take(ctx, a.xid, m.ID, m.Schema, m.Name); err != nil {
			return err
		} else if !ours {
			a.leaveOut(&m)
			return nil
		}
		delete(a.unnamed, m.ID)
	}
	if a.trees != nil {
		a.trees.described(m.ID)
	}
	_, err := a.relations.message(ctx, a.tx.XID, &m)
	return err
}

// leaveOut skips the rows of a table until the server describes the table again.
func (a *assembler) leaveOut(m *pgoutput.Relation) {
	if a.unnamed == nil {
		a.unnamed = map[uint32]string{}
	}
	a.unnamed[m.ID] = m.Schema + "." + m.Name
	a.relations.forget(m.ID)
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
		t, err := a.table(id, capture.Truncate)
		if err != nil {
			return err
		}
		if a.trees != nil {
			a.trees.truncated(id, a.tx.XID)
		}
		if t != nil {
			a.append(capture.Change{Op: capture.Truncate, Table: t}, changeCost)
		}
	}
	return nil
}

// change adds a row. Its values are slices of the message, as the server printed them (I5).
func (a *assembler) change(kind pgoutput.Kind, body []byte, own *bufpool.Buffer) (err error) {
	body, slab, bytes := a.keep(body, own)
	var op capture.Op
	switch kind {
	case pgoutput.KindInsert:
		op, err = capture.Insert, a.row.DecodeInsert(body, slab)
	case pgoutput.KindUpdate:
		op, err = capture.Update, a.row.DecodeUpdate(body, slab)
	default:
		op, err = capture.Delete, a.row.DecodeDelete(body, slab)
	}
	if err != nil {
		return err
	}
	t, err := a.table(a.row.Relation, op)
	if err != nil || t == nil {
		return err
	}
	if err := a.shape(t); err != nil {
		return err
	}
	c := capture.Change{Op: op, Table: t, Before: a.row.Old, After: a.row.New}
	a.append(c, bytes+changeCost+valueCost*(len(c.Before)+len(c.After)))
	return nil
}

// keep makes the batch own the text of a row: in the buffer that already holds it, in a new buffer, or in memory that small
// rows share. It returns the slab for the row's values and the number of bytes that the row keeps alive.
func (a *assembler) keep(text []byte, own *bufpool.Buffer) (kept []byte, slab *pgoutput.Slab, bytes int) {
	if own == nil && len(text) <= arenaMax {
		return a.arena.copy(text), &a.slab, len(text)
	}
	if own == nil {
		own = bufpool.Get(len(text))
		own.Bytes = append(own.Bytes, text...)
		text = own.Bytes
	}
	a.large = append(a.large, own)
	return text, nil, cap(own.Bytes) // values shared between batches would keep the row alive longer than its batch
}

// table returns the table that the server has described, or nil when its rows are skipped.
func (a *assembler) table(id uint32, op capture.Op) (*capture.Table, error) {
	if a.tx == nil {
		return nil, fmt.Errorf("read change: a change outside of a transaction")
	}
	if t, err := a.relations.table(id, op); t != nil || err != nil {
		return t, err
	}
	if name, out := a.unnamed[id]; out {
		a.names.Leave(id, name)
		return nil, nil
	}
	return nil, fmt.Errorf("read change: relation %d was not described", id)
}

// shape sets the kind of the old row, and fills in an unchanged value when the old row carries it.
func (a *assembler) shape(t *capture.Table) error {
	before, after := a.row.Old, a.row.New
	if before != nil && len(before) != len(t.Columns) || after != nil && len(after) != len(t.Columns) {
		return fmt.Errorf("read change: a row of %s has %d and %d values for %d columns", t, len(before), len(after), len(t.Columns))
	}
	switch a.row.OldKind {
	case pgoutput.OldKey:
		whole := false
		for i := range before {
			switch {
			case !t.Columns[i].Identity:
				before[i] = capture.Value{Kind: capture.Absent}
			case before[i].Kind == capture.Null:
				return keyNotSent(t, []string{t.Columns[i].Name})
			default:
				whole = true
			}
		}
		if !whole { // the columns of an identity are NOT NULL, so one of them is not published
			return keyNotSent(t, nil)
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

// room is the number of changes or transactions that are allocated at once: batches of a single row share the allocation.
const room = 64

// grow makes room for n more changes. Batches of a few changes use slices of one allocation.
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

// full reports whether the batch must be handed over now. The window may exceed its limit by one batch, so the size of a
// batch is limited too (I6); only a single row can make a larger one.
func (a *assembler) full() bool { return a.batch.Bytes >= cut }

// whole reports whether the batch ends between transactions and is worth delivering.
func (a *assembler) whole() bool { return a.batch.Commit }

// take returns the batch and begins a new one.
func (a *assembler) take() capture.Batch {
	b := a.batch
	if b.State = a.state; a.trees != nil {
		b.State = a.trees.state(a.state)
	}
	n := len(b.Changes)
	switch shared := n > 0 && len(a.rows) > 0; {
	case shared && len(a.large) > 0: // the batches that share its memory would keep its rows alive
		b.Changes = append(make([]capture.Change, 0, n), b.Changes...)
		clear(a.rows[:n])
	case shared:
		a.rows = a.rows[n:]
	}
	b.Changes = b.Changes[:n:n]
	if len(a.large) > 0 {
		large := a.large
		b.Memory = &large
	}
	a.batch, a.large = capture.Batch{}, nil
	return b
}

// buffers holds the large rows of a batch. It implements the Memory of a capture.Batch.
type buffers []*bufpool.Buffer

// Release returns the buffers to their pool. Only the first call has an effect.
func (l *buffers) Release() {
	for _, b := range *l {
		b.Release()
	}
	*l = nil
}

// arena is memory for the text of rows, in chunks that batches share.
type arena struct{ free []byte }

const (
	arenaChunk = 64 << 10
	arenaMax   = arenaChunk / 4 // bytes; larger text is not copied there
)

// copy copies at most arenaMax bytes.
func (a *arena) copy(b []byte) []byte {
	if len(b) > len(a.free) {
		a.free = make([]byte, arenaChunk)
	}
	n := copy(a.free, b)
	c := a.free[:n:n]
	a.free = a.free[n:]
	return c
}
