package transform

import "fmt"

// Func transforms e and appends the result to dst: no event (e is dropped), e itself, or several events. It is called by one
// goroutine at a time and must not retain e or dst. An error rejects the event; the chain adds the name of the step to it.
type Func func(dst []Event, e Event) ([]Event, error)

// Step is a Func with a name.
type Step struct {
	Name string // as the file has it, such as `event "OrderPaid"`
	Func Func
}

// Chain is a sequence of steps, each of which gets the results of the previous one. The zero Chain passes events on unchanged. A
// Chain has scratch memory, so only one goroutine may use it at a time.
type Chain struct {
	steps   []Step
	scratch [][]Event // one per step except the last
}

// NewChain returns a chain that applies steps in this order.
func NewChain(steps ...Step) *Chain {
	return &Chain{steps: steps, scratch: make([][]Event, len(steps))}
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

// named adds the name of step n to its error.
func (c *Chain) named(n int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", c.steps[n].Name, err)
}
