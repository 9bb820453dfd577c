package decode

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/internal/bufpool"
)

// BatchSize is the size, in bytes of the window, from which a batch is handed over even in the middle of a transaction.
const BatchSize = 256 << 10

// The memory of a change in addition to its text: the Change and its values, on a 64-bit machine.
const (
	changeCost = 80
	valueCost  = 32
)

// Options are what an Assembler has to know about its stream.
type Options struct {
	Origin         capture.Origin
	State          []byte    // added to every batch
	SkipReplicated bool      // transactions with an origin are skipped
	NextXID        uint64    // a transaction id near the first one, with the times that ids have wrapped
	Names          Names     // nil: all tables are delivered
	Trees          Trees     // nil: partition trees are not watched
	Messages       *Messages // nil: logical messages are skipped
}

// Names decides which tables are delivered under the names that the stream has for them. The goroutine of the Assembler
// calls it.
type Names interface {
	// Take reports whether the rows of a table in the transaction xid are delivered.
	Take(ctx context.Context, xid uint64, oid uint32, schema, name string) (bool, error)
	// Leave is called for each row that is skipped, with the name of its table.
	Leave(oid uint32, name string)
}

// Trees is told what the stream shows of partition trees. The goroutine of the Assembler calls it.
type Trees interface {
	Described(oid uint32)                 // the server has described a table
	Filled(root, oid uint32, name string) // a partition has a row, which is delivered under its root's name
	Truncated(oid, xid uint32)            // the transaction xid has truncated a table
	ReadTo(end capture.LSN)               // the stream has been read up to here
}

// Assembler builds batches from the messages of a stream: step 4 of the way of one row. It belongs to the socket's
// goroutine; the batches that it returns belong to the receiver.
type Assembler struct {
	relations *Relations
	options   Options
	unnamed   map[uint32]string // tables whose rows are skipped because the file does not name them
	fresh     []freshTable      // described since the last row

	batch capture.Batch
	large buffers     // of the batch
	last  capture.LSN // the end of the last batch that ended between transactions
	tx    *capture.Tx // nil: between transactions
	seq   uint64
	xid   uint64      // near that of the last transaction, with the times that ids have wrapped
	at    capture.LSN // the record that the last message was about
	first uint64      // the Seq of its first change
	cut   uint64      // the Seq from which on the transaction's changes are in the batch
	left  bool        // the transaction is skipped: its changes are dropped, its relation messages and its end are not
	row   pgoutput.Row
	slab  pgoutput.Slab
	arena arena
	rows  []capture.Change // free room for changes
	txs   []capture.Tx     // free room for transactions

	// scratch has the values of a row that is reduced before it is kept; nil: no row was.
	scratch []capture.Value
	whole   pgoutput.Slab  // returns them
	pending capture.Change // that is reduced
	line    []byte         // memory for a line of a copy that is reduced
}

// NewAssembler creates an assembler that finds the tables of a stream in r; nil: it assembles a copy of rows.
func NewAssembler(r *Relations, o Options) *Assembler {
	return &Assembler{relations: r, options: o, xid: o.NextXID}
}

// StartAt begins a stream after the position from.
func (a *Assembler) StartAt(from capture.LSN) { a.last = from }

// Last returns the end of the last batch that ended between transactions.
func (a *Assembler) Last() capture.LSN { return a.last }

// InTransaction reports whether the last message belongs to a transaction that has not ended.
func (a *Assembler) InTransaction() bool { return a.tx != nil }

// Next is called before Add with the position that the server sends with a message: that of the log record that it is about. It
// reports whether the batch has to be handed over before the message is added. That is not known before: a logical message may belong
// before the last changes (see place).
func (a *Assembler) Next(kind pgoutput.Kind, at capture.LSN) (cut bool) {
	cut = a.Full() && (kind != pgoutput.KindMessage || at != a.at)
	if at != a.at {
		a.at, a.first = at, a.seq
	}
	return cut
}

// Add handles the body of one pgoutput message. If own is not nil, it holds the message and belongs to the assembler from
// now on.
func (a *Assembler) Add(ctx context.Context, msg []byte, own *bufpool.Buffer) error {
	if len(msg) > 0 && !a.left {
		switch kind := pgoutput.Kind(msg[0]); kind {
		case pgoutput.KindInsert, pgoutput.KindUpdate, pgoutput.KindDelete:
			return a.change(kind, msg[1:], own)
		case pgoutput.KindMessage:
			return a.message(msg[1:], own)
		}
	}
	defer own.Release()
	return a.other(ctx, msg)
}

// NeedsControl reports whether a message may need the control connection.
func (a *Assembler) NeedsControl(kind pgoutput.Kind) bool {
	return kind == pgoutput.KindRelation || kind == pgoutput.KindBegin && a.relations.typeWatch.stale()
}

// other handles a message whose bytes are not kept.
func (a *Assembler) other(ctx context.Context, msg []byte) error {
	if len(msg) == 0 {
		return fmt.Errorf("read change: an empty message")
	}
	body := msg[1:]
	switch kind := pgoutput.Kind(msg[0]); kind {
	case pgoutput.KindInsert, pgoutput.KindUpdate, pgoutput.KindDelete, pgoutput.KindMessage: // skipped
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
		return a.typeName(body)
	case pgoutput.KindOrigin: // precedes the changes
		a.left = a.options.SkipReplicated && a.tx != nil
		return nil
	default:
		return fmt.Errorf("read change: a message %s that was not asked for", kind)
	}
}

func (a *Assembler) begin(ctx context.Context, body []byte) error {
	var m pgoutput.Begin
	if err := m.Decode(body); err != nil {
		return err
	}
	if a.tx != nil {
		return fmt.Errorf("read change: transaction %d begins inside transaction %d", m.XID, a.tx.XID)
	}
	a.tx, a.seq, a.first, a.cut, a.left, a.fresh = a.newTx(), 0, 0, 0, false, a.fresh[:0]
	a.xid += uint64(int64(int32(m.XID - uint32(a.xid)))) // ids in the stream are near each other
	*a.tx = capture.Tx{LSN: m.FinalLSN, XID: m.XID, Wraps: uint32(a.xid >> 32), Time: m.Time, Epoch: a.options.Origin.Epoch(m.FinalLSN)}
	return a.relations.begin(ctx, m.XID)
}

func (a *Assembler) commit(body []byte) error {
	var m pgoutput.Commit
	if err := m.Decode(body); err != nil {
		return err
	}
	if a.tx == nil || a.tx.LSN != m.LSN {
		return fmt.Errorf("read change: the commit at %s ends no transaction that began", m.LSN)
	}
	a.endTx(m.EndLSN)
	a.Close(capture.Position{LSN: m.EndLSN})
	return nil
}

// endTx records that the transaction ends in the batch, with a commit record that ends at end.
func (a *Assembler) endTx(end capture.LSN) {
	a.batch.Time = a.tx.Time
	if a.seq > 0 {
		a.batch.Last = a.tx.Commit(end)
	}
}

// Close ends a transaction, or records that there are no changes up to end.
func (a *Assembler) Close(end capture.Position) {
	a.tx = nil
	a.batch.End, a.batch.Commit, a.last = end, true, end.LSN
	if a.options.Trees != nil {
		a.options.Trees.ReadTo(end.LSN)
	}
}

func (a *Assembler) relation(ctx context.Context, body []byte) error {
	var m pgoutput.Relation
	if err := m.Decode(body); err != nil {
		return err
	}
	if a.tx == nil {
		return fmt.Errorf("read change: a table is described outside of a transaction")
	}
	a.fresh = append(a.fresh, freshTable{m.ID, m.Schema + "." + m.Name})
	if a.options.Names != nil {
		if ours, err := a.options.Names.Take(ctx, a.xid, m.ID, m.Schema, m.Name); err != nil {
			return err
		} else if !ours {
			a.leaveOut(&m)
			return nil
		}
		delete(a.unnamed, m.ID)
	}
	if a.options.Trees != nil {
		a.options.Trees.Described(m.ID)
	}
	_, err := a.relations.message(ctx, a.tx.XID, &m)
	return err
}

// leaveOut skips the rows of a table until the server describes the table again.
func (a *Assembler) leaveOut(m *pgoutput.Relation) {
	if a.unnamed == nil {
		a.unnamed = map[uint32]string{}
	}
	a.unnamed[m.ID] = m.Schema + "." + m.Name
	a.relations.forget(m.ID)
}

func (a *Assembler) typeName(body []byte) error {
	var m pgoutput.Type
	if err := m.Decode(body); err != nil {
		return err
	}
	a.relations.nameType(m)
	return nil
}

func (a *Assembler) truncate(body []byte) error {
	var m pgoutput.Truncate
	if err := m.Decode(body); err != nil {
		return err
	}
	a.fresh = a.fresh[:0]
	for _, id := range m.Relations {
		t, err := a.table(id, capture.Truncate)
		if err != nil {
			return err
		}
		if a.options.Trees != nil {
			a.options.Trees.Truncated(id, a.tx.XID)
		}
		if t != nil {
			a.append(capture.Change{Op: capture.Truncate, Table: t}, changeCost)
		}
	}
	return nil
}

// change adds a row. Its values are slices of the message, as the server printed them (I5).
func (a *Assembler) change(kind pgoutput.Kind, body []byte, own *bufpool.Buffer) error {
	if len(a.relations.reduced) > 0 {
		if red := a.relations.reduction(body); red != nil {
			return a.reduce(kind, body, own, red)
		}
	}
	body, slab, bytes := a.keep(body, own)
	op, err := a.decode(kind, body, slab)
	if err != nil {
		return err
	}
	if len(a.fresh) > 0 {
		a.rowOf(a.row.Relation)
	}
	t, err := a.table(a.row.Relation, op)
	if err != nil || t == nil {
		return err
	}
	if err := a.completeRow(t); err != nil {
		return err
	}
	c := capture.Change{Op: op, Table: t, Before: a.row.Old, After: a.row.New}
	a.append(c, bytes+changeCost+valueCost*(len(c.Before)+len(c.After)))
	return nil
}

// decode decodes a row into a.row.
func (a *Assembler) decode(kind pgoutput.Kind, body []byte, slab *pgoutput.Slab) (op capture.Op, err error) {
	switch kind {
	case pgoutput.KindInsert:
		return capture.Insert, a.row.DecodeInsert(body, slab)
	case pgoutput.KindUpdate:
		return capture.Update, a.row.DecodeUpdate(body, slab)
	default:
		return capture.Delete, a.row.DecodeDelete(body, slab)
	}
}

// table returns the table that the server has described, or nil when its rows are skipped.
func (a *Assembler) table(id uint32, op capture.Op) (*capture.Table, error) {
	if a.tx == nil {
		return nil, fmt.Errorf("read change: a change outside of a transaction")
	}
	if t, err := a.relations.table(id, op); t != nil || err != nil {
		return t, err
	}
	if name, out := a.unnamed[id]; out {
		a.options.Names.Leave(id, name)
		return nil, nil
	}
	return nil, fmt.Errorf("read change: relation %d was not described", id)
}

// append puts a change into the batch; bytes is what it counts in the window.
func (a *Assembler) append(c capture.Change, bytes int) {
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
func (a *Assembler) grow(n int) {
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

func (a *Assembler) newTx() *capture.Tx {
	if len(a.txs) == 0 {
		a.txs = make([]capture.Tx, room)
	}
	tx := &a.txs[0]
	a.txs = a.txs[1:]
	return tx
}

// Full reports whether the batch must be handed over now. The window may exceed its limit by one batch, so the size of a
// batch is limited too (I6); only a single row can make a larger one.
func (a *Assembler) Full() bool { return a.batch.Bytes >= BatchSize }

// Complete reports whether the batch ends between transactions and is worth delivering.
func (a *Assembler) Complete() bool { return a.batch.Commit }

// Pending reports whether the batch has anything that has not been handed over.
func (a *Assembler) Pending() bool { return len(a.batch.Changes) > 0 || a.batch.Commit }

// Take returns the batch and begins a new one.
func (a *Assembler) Take() capture.Batch {
	b := a.batch
	b.State = a.options.State
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
	a.batch, a.large, a.cut = capture.Batch{}, nil, a.seq
	return b
}
