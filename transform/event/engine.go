package event

import (
	"sync/atomic"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// engine is the rules of one step, in the order of the file.
type engine struct {
	rules    []*rule
	site     transform.Site
	counters []*transform.Rule // one per rule
	shapes   rules.Shapes[*plan]
	build    builder
	memory   expr.Memory // of all compiled rules
	matching []*compiled // scratch of apply
}

// plan is what is compiled for one shape of a table. What a change needs of it is in few lines of the processor's cache, so that
// thousands of tables with a rule each cost little more than one.
type plan struct {
	seen  []*atomic.Uint64         // the counters of its rules: one for all rules that name the same tables
	first [1]*atomic.Uint64        // the memory of seen, as a rule
	ops   [capture.Message]matcher // by operation
}

func newEngine(list []*rule, at transform.Site) *engine {
	e := &engine{rules: list, site: at}
	seen := map[string]*atomic.Uint64{}
	for _, r := range list {
		key := r.tables.Key()
		counter := at.Rules.Add(r.Title, seen[key])
		if seen[key] == nil {
			seen[key] = counter.Seen
		}
		e.counters = append(e.counters, counter)
	}
	return e
}

// apply appends the events of a change in the order of the file, then the change itself.
func (e *engine) apply(dst []transform.Event, ev transform.Event) ([]transform.Event, error) {
	c := ev.Change
	if c.Op == capture.Message || !ev.Plain() {
		return append(dst, ev), nil
	}
	p, err := e.shapes.Of(c.Table, e.compile)
	if err != nil {
		return dst, err
	}
	for _, n := range p.seen {
		n.Add(1)
	}
	e.build.in.Change = c
	m := &p.ops[c.Op]
	if r := m.one; r != nil {
		if dst, err = e.match(dst, r); err != nil {
			return dst, r.rule.Failed(err)
		}
		return append(dst, ev), nil
	}
	if m.many == nil {
		return append(dst, ev), nil
	}
	e.matching = m.many.candidates(e.matching[:0], c.Row())
	for _, r := range e.matching {
		if dst, err = e.match(dst, r); err != nil {
			return dst, r.rule.Failed(err)
		}
	}
	return append(dst, ev), nil
}

// match appends the event of a rule whose condition holds.
func (e *engine) match(dst []transform.Event, r *compiled) ([]transform.Event, error) {
	if r.conditional {
		if holds, err := r.when.Holds(&e.build.in); err != nil || !holds {
			return dst, err
		}
	}
	ev, err := e.build.build(r)
	if err != nil {
		return dst, err
	}
	r.counter.Count(&ev)
	return append(dst, ev), nil
}

// compile compiles the rules for a shape. The error is the problem of the first rule that does not fit it.
func (e *engine) compile(t *capture.Table) (*plan, error) {
	p := &plan{}
	p.seen = p.first[:0]
	var byOp [capture.Message][]*compiled
	counted := map[*atomic.Uint64]bool{}
	later := rules.Later(t, e.site.Tables)
	for i, r := range e.rules {
		if !r.tables.Match(t.Schema, t.Name) {
			continue
		}
		if n := e.counters[i].Seen; !counted[n] {
			counted[n] = true
			p.seen = append(p.seen, n)
		}
		for _, op := range r.operations() {
			c, diags := r.compile(expr.Shape{
				Table: t, Op: op, Later: later, Pipeline: e.site.Pipeline, NumericAsNumber: e.site.NumericAsNumber, Memory: &e.memory,
			})
			if err := r.DoesNotFit(t, diags); err != nil {
				return nil, err
			}
			if c != nil {
				c.order, c.counter = i, e.counters[i]
				byOp[op] = append(byOp[op], c)
			}
		}
	}
	for op, list := range byOp {
		p.ops[op] = newMatcher(list)
	}
	return p, nil
}
