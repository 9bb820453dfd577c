package redis

import (
	"time"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// maxKeys is how many keys of one commit are invalidated one by one. A commit with more invalidates the whole namespace.
const maxKeys = 50_000

// commit is a transaction with the keys that it invalidates, or a position that an idle source has moved to.
type commit struct {
	end   capture.Position // after it
	lsn   protocol.LSN     // at or after the end of its record, and within the log
	xid   protocol.XID     // 0: a snapshot's rows, or no transaction
	time  time.Time
	ops   []op
	bytes int  // that it keeps alive
	bulk  bool // all keys of the namespace
}

// op is what happens to one key.
type op struct {
	key     string
	refresh bool
	value   []byte // of a refresh; nil: the key is deleted
}

// assembly collects the events of the commit that is being read.
type assembly struct {
	open  *commit
	tx    *capture.Tx
	index map[string]int // of a key in open.ops
}

// add returns the commits that end in a batch. It copies what it keeps.
func (a *assembly) add(b *sink.Batch) (done []*commit) {
	for i := range b.Events {
		e := &b.Events[i]
		if a.tx != nil && !a.tx.Same(e.Change.Tx) {
			next := e.Change.Tx.LSN
			done = append(done, a.end(capture.Position{LSN: next}, next))
		}
		a.event(e)
	}
	if !b.Commit {
		return done
	}
	if a.open == nil {
		a.open = &commit{}
	}
	return append(done, a.end(b.End, b.End.Flush()))
}

func (a *assembly) event(e *transform.Event) {
	if a.open == nil {
		tx := e.Change.Tx
		a.tx, a.index = tx, map[string]int{}
		a.open = &commit{xid: protocol.XID(uint64(tx.Wraps)<<32 | uint64(tx.XID)), time: tx.Time}
	}
	switch {
	case a.open.bulk:
	case !e.HasKey, len(a.open.ops) >= maxKeys:
		a.open.bulk, a.open.ops, a.open.bytes, a.index = true, nil, 0, nil
	default:
		a.key(op{key: string(e.Key), refresh: e.Type == transform.Refresh, value: append([]byte(nil), e.Data...)}, e.Data == nil)
	}
}

// key adds what happens to a key. The last event of a commit counts.
func (a *assembly) key(o op, deleted bool) {
	if deleted || !o.refresh {
		o.value = nil
	}
	if i, known := a.index[o.key]; known {
		a.open.bytes += len(o.value) - len(a.open.ops[i].value)
		a.open.ops[i] = o
		return
	}
	a.index[o.key] = len(a.open.ops)
	a.open.ops = append(a.open.ops, o)
	a.open.bytes += len(o.key) + len(o.value) + opBytes
}

// opBytes is about what an op takes besides its texts.
const opBytes = 64

func (a *assembly) end(at capture.Position, lsn capture.LSN) *commit {
	c := a.open
	c.end, c.lsn = at, protocol.LSN(lsn)
	a.open, a.tx, a.index = nil, nil, nil
	return c
}
