package transform

// Func transforms e and appends the result to dst: no event (e is dropped), e itself, or several events. It is called by one
// goroutine at a time and must not retain e or dst. An error rejects the event and names the rule.
type Func func(dst []Event, e Event) ([]Event, error)

// Chain is a sequence of Funcs, each of which gets the results of the previous one. The zero Chain passes events on unchanged. A
// Chain has scratch memory, so only one goroutine may use it at a time.
type Chain struct {
	funcs   []Func
	scratch [][]Event // one per stage except the last
}

// NewChain returns a chain that applies funcs in this order.
func NewChain(funcs ...Func) *Chain {
	return &Chain{funcs: funcs, scratch: make([][]Event, len(funcs))}
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

func (c *Chain) from(stage int, dst []Event, e Event) ([]Event, error) {
	switch len(c.funcs) - stage {
	case 0:
		return append(dst, e), nil
	case 1:
		return c.funcs[stage](dst, e)
	}
	between, err := c.funcs[stage](c.scratch[stage][:0], e)
	if err != nil {
		return dst, err
	}
	for i := 0; i < len(between) && err == nil; i++ {
		dst, err = c.from(stage+1, dst, between[i])
	}
	clear(between) // otherwise it would retain the batch's memory
	c.scratch[stage] = between
	return dst, err
}
