package aggregate

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// collector is the step of a rule. It remembers the rows of a transaction.
type collector struct {
	rule     *rule
	counter  *transform.Rule
	roles    rules.Shapes[*role]
	roots    rows
	children []rows // one per child block
	fits     fits
	builder  builder
	in       expr.Input // scratch of the conditions
}

// fits is how much of a transaction has fit into the memory.
type fits uint8

const (
	everything fits = iota
	rootsOnly       // the children have been dropped: an event of the transaction would lack them
	nothing         // there is at least one event, and the list of them has been dropped too, except for one
)

// role is what a shape of a table is for the rule; nil: nothing.
type role struct {
	root     bool
	admits   [len(operations)]admission // by operation, of a root
	children []int                      // the child blocks that have the table
}

// admission is the condition for one operation.
type admission struct {
	never bool
	when  *expr.Condition // nil: it always holds
}

func newCollector(r *rule, counter *transform.Rule) *collector {
	k := &collector{rule: r, counter: counter, roots: newRows(r)}
	for range r.children {
		k.children = append(k.children, newRows(r))
	}
	k.builder = newBuilder(r)
	return k
}

// apply is the transform.Func: it passes every event on.
func (k *collector) apply(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
	if e.Plain() && e.Change.Op != capture.Message && e.Change.Op != capture.Read {
		if err := k.change(e.Change); err != nil {
			return dst, err
		}
	}
	return append(dst, e), nil
}

// reset forgets the transaction.
func (k *collector) reset() {
	k.roots.reset()
	for i := range k.children {
		k.children[i].reset()
	}
	k.fits = everything
}

func (k *collector) change(c *capture.Change) error {
	r, err := k.roles.Of(c.Table, k.newRole)
	if r == nil || err != nil || k.fits == nothing {
		return err
	}
	if r.root {
		if err := k.root(r, c); err != nil {
			return err
		}
	}
	for _, i := range r.children {
		if err := k.child(&k.children[i], c); err != nil {
			return err
		}
	}
	if k.used() > k.rule.memory {
		k.drop()
	}
	return nil
}

func (k *collector) used() int64 {
	n := k.roots.used
	for i := range k.children {
		n += k.children[i].used
	}
	return n
}

// drop drops what does not fit into the memory. That is no problem yet: a transaction that changes many children and no root gives no
// event.
func (k *collector) drop() {
	k.fits = rootsOnly
	for i := range k.children {
		k.children[i].reset()
	}
	if k.roots.used > k.rule.memory {
		k.fits = nothing
	}
}

// root remembers a change of the table of the rule.
func (k *collector) root(r *role, c *capture.Change) error {
	s := &k.roots
	if s.see(c.Table); c.Op == capture.Truncate {
		s.reset()
		return nil
	}
	k.counter.Seen.Add(1)
	admitted, err := k.admits(&r.admits[c.Op], c)
	if err != nil {
		return k.rule.Failed(err)
	}
	e := s.find(c)
	gone := e != nil && e.op == capture.Delete
	switch {
	case !admitted && c.Op == capture.Delete && e != nil && !gone:
		s.remove(e)
		return nil
	case !admitted && (e == nil || gone):
		return nil
	}
	first := e == nil || gone || admitted && c.Op == capture.Insert
	if e, err = s.put(e, c); err != nil {
		return err
	}
	switch {
	case first:
		s.used -= e.before.cost()
		e.seq, e.op, e.before = c.Seq, c.Op, image{}
	case c.Op == capture.Delete:
		e.op = capture.Delete
	}
	// An old row that only a later update carries has the identity that the row had before the first one too.
	if e.op == capture.Update && c.Before != nil && e.before.table == nil {
		s.set(&e.before, c.Table, c.Before)
	}
	return nil
}

func (k *collector) admits(a *admission, c *capture.Change) (bool, error) {
	if a.never || a.when == nil {
		return !a.never, nil
	}
	k.in.Change = c
	holds, err := a.when.Holds(&k.in)
	k.in.Change = nil
	return holds, err
}

// child remembers a change of the table of a child block.
func (k *collector) child(s *rows, c *capture.Change) error {
	if s.see(c.Table); k.fits != everything {
		return nil
	}
	if c.Op == capture.Truncate {
		s.reset()
		return nil
	}
	e := s.find(c)
	if c.Op != capture.Delete {
		_, err := s.put(e, c)
		return err
	}
	if e != nil {
		s.remove(e)
	}
	return nil
}

// newRole compiles what is needed of a shape while its changes come.
func (k *collector) newRole(t *capture.Table) (*role, error) {
	r := &role{}
	if k.rule.table.Match(t.Schema, t.Name) {
		r.root = true
		admits, diags := k.rule.admissions(t)
		if r.admits = admits; len(diags) == 0 {
			diags = checkIdentity(k.rule.table, t)
		}
		if err := k.rule.DoesNotFit(t, diags); err != nil {
			return nil, err
		}
	}
	for i := range k.rule.children {
		c := &k.rule.children[i]
		if !c.table.Match(t.Schema, t.Name) {
			continue
		}
		if err := k.rule.DoesNotFit(t, checkIdentity(c.table, t)); err != nil {
			return nil, err
		}
		r.children = append(r.children, i)
	}
	if !r.root && r.children == nil {
		return nil, nil
	}
	return r, nil
}
