package aggregate

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// The reasons for which an aggregate is rejected because of its size.
const (
	reasonLimit  = "aggregate_too_large"
	reasonMemory = "aggregate_memory"
)

// commit makes the events of a transaction, in the order in which their rows first appeared. It is the transform.Step's Commit.
func (k *collector) commit(dst []transform.Event, tx *capture.Tx) ([]transform.Event, error) {
	defer k.reset()
	changes := k.changes(tx)
	if len(changes) == 0 {
		return dst, nil
	}
	if k.fits != everything {
		return dst, reject(&changes[0], reasonMemory,
			"transaction %s changes more rows of the tables of %s than fit into its memory of %d bytes", tx.LSN, k.rule, k.rule.memory)
	}
	children, err := k.joinAll(changes)
	if err != nil {
		return dst, err
	}
	k.builder.begin(k.roots.shape, children)
	defer k.builder.end()
	size := int64(0)
	for i := range changes {
		e, err := k.builder.build(&changes[i], i)
		if err != nil {
			return dst, atCommit(&changes[i], err)
		}
		n := int64(len(e.Data))
		switch size += n; {
		case n > k.rule.limit:
			return dst, reject(&changes[i], reasonLimit, "the data of %s has %d bytes, and its limit is %d", k.rule, n, k.rule.limit)
		case size > k.rule.memory:
			return dst, reject(&changes[i], reasonMemory,
				"the data of the events of transaction %s does not fit into the memory of %s, which is %d bytes", tx.LSN, k.rule, k.rule.memory)
		}
		k.counter.Count(&e)
		dst = append(dst, e)
	}
	return dst, nil
}

// changes returns what has become of each row that has an event: one change from before the first change that the condition has
// admitted to the end of the transaction. Its position is that of the first one, so that the id is the same after any restart.
// Its values remain valid as long as they are used: the memory of a transaction is not reused.
func (k *collector) changes(tx *capture.Tx) []capture.Change {
	var out []capture.Change
	shape := k.roots.shape
	for _, e := range k.roots.list {
		if e == nil {
			continue
		}
		if out == nil {
			out = make([]capture.Change, 0, len(k.roots.list))
		}
		c := capture.Change{Tx: tx, Seq: e.seq, Op: e.op, Table: shape}
		if c.Op == capture.Delete {
			c.Before = e.as(shape)
		} else {
			c.After, c.Before = e.as(shape), e.before.as(shape)
		}
		out = append(out, c)
	}
	return out
}

// reject returns the error of an event that is too large.
func reject(c *capture.Change, reason, format string, args ...any) error {
	return &transform.Rejection{Reason: reason, Change: c, Err: fmt.Errorf(format, args...)}
}

// atCommit adds the change of an event to the error that rejects it.
func atCommit(c *capture.Change, err error) error {
	if why := transform.AsRejection(err); why != nil {
		why.Change = c
	}
	return err
}
