package redis

import (
	"time"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// What one commit may have: keys, and bytes of keys and values before the last one. A commit with more invalidates the whole namespace.
const (
	maxKeys        = 50_000
	maxCommitBytes = 16 << 20
)

// commit is a transaction with the keys that it invalidates, or a position that an idle source has moved to.
type commit struct {
	end   capture.Position // after it
	lsn   protocol.LSN     // at or after the end of its record, and within the log
	xid   protocol.XID     // 0: a snapshot's rows, or no transaction
	time  time.Time        // of the transaction, by the source's clock
	ops   []op
	bytes int  // that it keeps alive
	bulk  bool // all keys of the namespace
}

// op is what happens to one key.
type op struct {
	key     string
	refresh bool
	value   []byte   // of a refresh, as a string
	fields  []string // of a refresh, as a hash: names and values in turn. Neither: the key is deleted
}

// stores reports whether the op stores a value.
func (o *op) stores() bool { return o.value != nil || o.fields != nil }

// size returns about how many bytes the op keeps alive.
func (o *op) size() int {
	n := len(o.key) + len(o.value) + opBytes
	for _, f := range o.fields {
		n += len(f) + fieldBytes
	}
	return n
}

// What an op and a field take besides their texts.
const (
	opBytes    = 96
	fieldBytes = 16
)

// assembly collects the events of the commit that is being read.
type assembly struct {
	options *Options
	open    *commit
	tx      *capture.Tx
	index   map[string]int // of a key in open.ops
}

// add returns the commits that end in a batch. It copies what it keeps. With an error the commit of the event is dropped: the source
// sends it again. A batch of a snapshot is a commit of its own.
func (a *assembly) add(b *sink.Batch) (done []*commit, err error) {
	for i := range b.Events {
		e := &b.Events[i]
		if a.tx != nil && !a.tx.Same(e.Change.Tx) {
			next := e.Change.Tx.LSN
			done = append(done, a.end(capture.Position{LSN: next}, next))
		}
		if err := a.event(e); err != nil {
			a.open, a.tx, a.index = nil, nil, nil
			return done, err
		}
	}
	switch {
	case b.Commit && a.open == nil:
		a.open = &commit{}
	case !b.Commit && (a.open == nil || !b.End.InSnapshot()):
		return done, nil
	}
	return append(done, a.end(b.End, b.End.Flush())), nil
}

func (a *assembly) event(e *transform.Event) error {
	if a.open == nil {
		tx := e.Change.Tx
		a.tx, a.index = tx, map[string]int{}
		a.open = &commit{xid: protocol.XID(uint64(tx.Wraps)<<32 | uint64(tx.XID)), time: tx.Time}
	}
	if !e.HasKey {
		a.invalidateAll()
		return nil
	}
	if err := protocol.CheckKey(string(e.Key)); err != nil {
		return rejected(e, "cache_key", err)
	}
	o, reason, err := a.options.newOp(e)
	switch {
	case err != nil:
		return rejected(e, reason, err)
	case a.open.bulk:
	case len(a.open.ops) >= maxKeys, a.open.bytes >= maxCommitBytes:
		a.invalidateAll()
	default:
		a.key(o)
	}
	return nil
}

// invalidateAll makes the commit one of all keys of the namespace.
func (a *assembly) invalidateAll() {
	a.open.bulk, a.open.ops, a.open.bytes, a.index = true, nil, 0, nil
}

// key adds what happens to a key. The last event of a commit counts.
func (a *assembly) key(o op) {
	if i, known := a.index[o.key]; known {
		a.open.bytes += o.size() - a.open.ops[i].size()
		a.open.ops[i] = o
		return
	}
	a.index[o.key] = len(a.open.ops)
	a.open.ops = append(a.open.ops, o)
	a.open.bytes += o.size()
}

func (a *assembly) end(at capture.Position, lsn capture.LSN) *commit {
	c := a.open
	c.end, c.lsn = at, protocol.LSN(lsn)
	a.open, a.tx, a.index = nil, nil, nil
	return c
}

// maxShownKey is how much of a key an error shows.
const maxShownKey = 200

func rejected(e *transform.Event, reason string, err error) *sink.Rejected {
	key := e.Key[:min(len(e.Key), maxShownKey)]
	return &sink.Rejected{At: e.Change.At(), Table: e.Change.Table.String(), Key: string(key), Reason: reason, Err: err}
}
