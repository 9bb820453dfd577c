package transform

// Func appends to dst what becomes of e: nothing (dropped), e, or several events. It is called by one goroutine at a
// time and must not keep e or dst. An error rejects the event; it names the rule.
type Func func(dst []Event, e Event) ([]Event, error)

// Chain is a run of Funcs, each fed with what the one before gave. The zero Chain passes everything on. A Chain keeps
// scratch memory: one goroutine at a time.
type Chain struct {
	funcs   []Func
	scratch [][]Event // one a stage but the last
}

// NewChain makes a chain of funcs in the order of the way of a row.
func NewChain(funcs ...Func) *Chain {
	return &Chain{funcs: funcs, scratch: make([][]Event, len(funcs))}
}

// Apply appends to dst what becomes of e. A nil Chain passes e on. With an error it
// returns dst as it was: an event is rejected whole, and what stands before it is not.
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
	clear(between) // or it would keep the batch's memory
	c.scratch[stage] = between
	return dst, err
}
