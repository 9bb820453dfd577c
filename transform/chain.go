package transform

import (
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/capture"
)

// Func transforms e and appends the result to dst: no event (e is dropped), e itself, or several events. It is called by one
// goroutine at a time and must not retain e or dst. An error rejects the event; the chain adds the name of the step to it.
type Func func(dst []Event, e Event) ([]Event, error)

// Step is a Func with a name.
//
// A step may remember the changes of a transaction and make events of them at its end. It then has Commit and Reset, and its Func
// gets every change of the transaction from the first one on, before Commit: after Reset the transaction comes again from its
// beginning, also for a sink that has accepted a part of it. The rows of a snapshot (capture.Read) do not all come again: such a step
// must not remember them.
type Step struct {
	Name string // as the file has it, such as `event "OrderPaid"`
	Func Func
	// Commit appends the events of a transaction to dst and forgets the transaction. tx is that of its last change. An error rejects
	// the event that would follow those in the result. nil: the step remembers nothing.
	Commit func(dst []Event, tx *capture.Tx) ([]Event, error)
	// Reset forgets a transaction that has not ended.
	Reset func()
}

// Chain is a sequence of steps, each of which gets the results of the previous one. The zero Chain passes events on unchanged. A
// Chain has scratch memory, so only one goroutine may use it at a time.
type Chain struct {
	steps     []Step
	scratch   [][]Event // one per step: what it has made
	remembers bool
}

// NewChain returns a chain that applies steps in this order.
func NewChain(steps ...Step) *Chain {
	return &Chain{
		steps: steps, scratch: make([][]Event, len(steps)),
		remembers: slices.ContainsFunc(steps, func(s Step) bool { return s.Commit != nil }),
	}
}

// Remembers reports whether a step remembers transactions. Then Commit has to be called at the end of each one, and Reset whenever
// the events continue elsewhere than after the last one.
func (c *Chain) Remembers() bool { return c != nil && c.remembers }

// Commit ends a transaction: it appends what its steps have remembered to dst, after it has passed the later steps. tx is that of
// the last change. With an error the result has the events before the rejected one, and only Reset may follow.
func (c *Chain) Commit(dst []Event, tx *capture.Tx) ([]Event, error) {
	for n := range c.steps {
		if c.steps[n].Commit == nil {
			continue
		}
		made, bad := c.steps[n].Commit(c.scratch[n][:0], tx)
		bad = c.named(n, bad)
		for i := range made {
			out, err := c.from(n+1, dst, made[i])
			if err != nil {
				bad = err
				break
			}
			dst = out
		}
		clear(made)
		c.scratch[n] = made
		if bad != nil {
			return dst, bad
		}
	}
	return dst, nil
}

// Reset makes the steps forget a transaction that has not ended.
func (c *Chain) Reset() {
	if c == nil {
		return
	}
	for i := range c.steps {
		if c.steps[i].Reset != nil {
			c.steps[i].Reset()
		}
	}
}

// Apply transforms e and appends the results to dst. A nil Chain appends e itself. On an error Apply returns dst unchanged: it
// rejects the event completely, and keeps the events that precede it.
func (c *Chain) Apply(dst []Event, e Event) ([]Event, error) {
	if c == nil {
		return append(dst, e), nil
	}
	out, err := c.from(0, dst, e)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func (c *Chain) from(n int, dst []Event, e Event) ([]Event, error) {
	switch len(c.steps) - n {
	case 0:
		return append(dst, e), nil
	case 1:
		dst, err := c.steps[n].Func(dst, e)
		return dst, c.named(n, err)
	}
	between, err := c.steps[n].Func(c.scratch[n][:0], e)
	if err != nil {
		return dst, c.named(n, err)
	}
	for i := 0; i < len(between) && err == nil; i++ {
		dst, err = c.from(n+1, dst, between[i])
	}
	clear(between) // otherwise it would retain the batch's memory
	c.scratch[n] = between
	return dst, err
}

// named adds the name of step n to its error. A Rejection names its block itself: a step may be of several blocks.
func (c *Chain) named(n int, err error) error {
	if err == nil || AsRejection(err) != nil {
		return err
	}
	return fmt.Errorf("%s: %w", c.steps[n].Name, err)
}
