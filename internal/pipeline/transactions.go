package pipeline

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// A step that remembers transactions (transform.Step) has to see each of them from its first change on. A transaction may come in
// several batches, and a sink may accept a part of it and fail. The positions of such a sink are those of any other one. When it
// continues inside a transaction, its chain begins with the first change of the transaction again, and what becomes of the changes
// that the sink has accepted is dropped. docs/decisions/0030 proves that the source still has them.
//
// Events that are made at the end of a transaction have positions too, as if they were further changes of it: a target that rejects
// one of them gets those before it only once. The chain decides how many there are, and another process may have another chain, so
// only the process that has made them skips them.

// memory is what a sinkRunner keeps for a chain that remembers transactions.
type memory struct {
	tx        *capture.Tx      // of the last change; nil: between transactions
	changes   uint64           // the number of changes of tx until now
	from      capture.Position // where the sink has continued: it has accepted what is made before it
	committed capture.LSN      // the last transaction at whose end this process has made events
}

// seek puts the sink's cursor after what it has accepted, and its chain at the beginning of the transaction that this is in. It
// reports whether the window has what follows.
func (r *sinkRunner) seek(w *window) bool {
	p := r.accepted()
	r.chain.Reset()
	r.memory = memory{from: p, committed: r.memory.committed}
	return w.seek(r.index, r.needs(p))
}

// needs returns where a sink that has everything up to p has to read from: at the beginning of the transaction if its chain remembers
// transactions. Rows of a snapshot are remembered by no step.
func (r *sinkRunner) needs(p capture.Position) capture.Position {
	if r.chain.Remembers() && !p.InSnapshot() {
		p.Seq = 0
	}
	return p
}

// transformTransactions is transformEach for a chain that remembers transactions.
func (r *sinkRunner) transformTransactions(run []capture.Batch) error {
	c := cutter{runner: r, last: r.accepted()}
	for i := range run {
		c.batch = &run[i]
		if err := c.transform(); err != nil {
			return err
		}
	}
	return nil
}

// cutter cuts a runner's events into batches.
type cutter struct {
	runner *sinkRunner
	batch  *capture.Batch
	cut    int              // the number of events that are in batches
	last   capture.Position // the end of the last batch
	commit capture.Commit   // the last one after it
}

// transform transforms a batch. With an error the runner's batches have everything before the event that caused it.
func (c *cutter) transform() error {
	r, b := c.runner, c.batch
	for i := range b.Changes {
		next := &b.Changes[i]
		if tx := r.memory.tx; tx != nil && tx.LSN != next.Tx.LSN {
			if err := c.endTransaction(); err != nil {
				return err
			}
			c.commit = tx.Commit(next.Tx.LSN)
		}
		if err := r.transformChange(next); err != nil {
			c.end(len(r.events), next.At())
			return err
		}
	}
	if b.Commit {
		if err := c.endTransaction(); err != nil {
			return err
		}
	}
	c.commit = b.Last
	if c.end(len(r.events), b.End) {
		last := &r.batches[len(r.batches)-1]
		last.Commit, last.EndsSnapshot = b.Commit, b.EndsSnapshot
	}
	return nil
}

// end adds a batch of the first n events that are in none, up to a position, unless the sink has accepted that.
func (c *cutter) end(n int, at capture.Position) bool {
	if !c.last.Before(at) {
		return false
	}
	r, b := c.runner, c.batch
	r.batches = append(r.batches, sink.Batch{
		Events: r.events[c.cut:n], End: at, Commit: at.Seq == 0, State: r.currentState(b.State), Last: c.commit, Tables: b.Tables,
	})
	c.cut, c.last, c.commit = n, at, capture.Commit{}
	return true
}

// endTransaction adds the events that the steps make at the end of the open transaction. A batch ends before each of them.
func (c *cutter) endTransaction() error {
	r := c.runner
	m := &r.memory
	if m.tx == nil {
		return nil
	}
	first, at := len(r.events), capture.Position{LSN: m.tx.LSN, Seq: m.changes}
	err := r.commitTransaction(at)
	if skip := r.acceptedAt(at, len(r.events)-first); skip > 0 {
		r.events = slices.Delete(r.events, first, first+skip)
		at.Seq += uint64(skip)
	}
	if first < len(r.events) {
		m.committed = at.LSN
	}
	for n := first; n < len(r.events) || err != nil && n == len(r.events); n++ {
		c.end(n, at)
		at.Seq++
	}
	m.tx = nil
	return err
}

// acceptedAt returns how many of n events that are made at the end of a transaction the sink has accepted. The first has the position
// at.
func (r *sinkRunner) acceptedAt(at capture.Position, n int) int {
	from := r.memory.from
	if r.memory.committed != at.LSN || from.LSN != at.LSN || from.Seq <= at.Seq {
		return 0
	}
	return int(min(from.Seq-at.Seq, uint64(n)))
}

// transformChange appends the events of a change, unless the sink has accepted them.
func (r *sinkRunner) transformChange(c *capture.Change) (err error) {
	defer r.recoverPanic(&err)
	r.memory.tx, r.memory.changes = c.Tx, c.Seq+1
	if c.Op == capture.Message && !r.messages {
		return nil
	}
	n := len(r.events)
	if r.events, err = r.chain.Apply(r.events, transform.Event{Change: c}); err != nil {
		return rejected(c, err)
	}
	if c.At().Before(r.memory.from) {
		clear(r.events[n:])
		r.events = r.events[:n]
	}
	return nil
}

// commitTransaction appends the events that the steps make at the end of the open transaction; at is its last position.
func (r *sinkRunner) commitTransaction(at capture.Position) (err error) {
	defer r.recoverPanic(&err)
	if r.events, err = r.chain.Commit(r.events, r.memory.tx); err == nil {
		return nil
	}
	c := &capture.Change{Tx: r.memory.tx, Seq: at.Seq, Table: &capture.Table{}}
	if why := transform.AsRejection(err); why != nil && why.Change != nil {
		c = why.Change
	}
	return rejected(c, err)
}

// rejected returns the error of a change whose events a step rejects.
func rejected(c *capture.Change, err error) error {
	if problem := capture.AsProblem(err); problem != nil {
		return problem
	}
	reason := "transform"
	if why := transform.AsRejection(err); why != nil {
		reason = why.Reason
	}
	return &sink.Rejected{At: c.At(), Table: c.Table.String(), Reason: reason, Err: err}
}
