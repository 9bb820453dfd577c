package outbox

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// step is an outbox block of one sink.
type step struct {
	rule     *rule
	site     transform.Site
	counts   *transform.Rule
	delete   func(*capture.Change) // nil: rows stay
	shapes   rules.Shapes[*table]
	envelope envelope.Builder
	in       expr.Input
	memory   expr.Memory
}

// table is one shape of a table.
type table struct {
	ours         bool
	insert, read *program // nil: not compiled yet
}

func newStep(r *rule, at transform.Site) *step {
	s := &step{rule: r, site: at, counts: at.Rules.Add(r.Title, nil)}
	if r.deletes {
		s.delete = at.Delete
	}
	return s
}

// apply is a transform.Func. It passes on what is not a change of the block's table.
func (s *step) apply(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
	c := e.Change
	if c.Op == capture.Message || !e.Plain() {
		return append(dst, e), nil
	}
	t, _ := s.shapes.Of(c.Table, s.open)
	if !t.ours {
		return append(dst, e), nil
	}
	s.counts.Seen.Add(1)
	switch {
	case c.Op == capture.Insert, c.Op == capture.Read && s.rule.snapshot:
		return s.publish(dst, c, t)
	case c.Op == capture.Update && !s.rule.ignoreUpdates:
		return dst, &transform.Rejection{Reason: "outbox_update", Err: fmt.Errorf(
			"%s: a row of an outbox is inserted and deleted, not updated; on_update = \"ignore\" ignores updates", s.rule)}
	}
	return dst, nil
}

func (s *step) open(t *capture.Table) (*table, error) {
	return &table{ours: s.rule.tables.Match(t.Schema, t.Name)}, nil
}

// publish appends the event of a row.
func (s *step) publish(dst []transform.Event, c *capture.Change, t *table) ([]transform.Event, error) {
	p, err := s.program(c, t)
	if err != nil {
		return dst, err
	}
	s.in.Change = c
	e, err := s.event(p)
	s.in.Change = nil
	if err != nil {
		return dst, s.rule.Failed(err)
	}
	s.counts.Count(&e)
	if s.delete != nil {
		s.delete(c)
	}
	return append(dst, e), nil
}

// program returns the rule as it is compiled for the change's operation.
func (s *step) program(c *capture.Change, t *table) (*program, error) {
	p := &t.insert
	if c.Op == capture.Read {
		p = &t.read
	}
	if *p == nil {
		compiled, diags := s.rule.compile(expr.Shape{
			Table: c.Table, Op: c.Op, Later: rules.Later(c.Table, s.site.Tables), Pipeline: s.site.Pipeline,
			NumericAsNumber: s.site.NumericAsNumber, Memory: &s.memory,
		})
		if err := s.rule.DoesNotFit(c.Table, diags); err != nil {
			return nil, err
		}
		*p = compiled
	}
	return *p, nil
}

// event returns the event of the row. Its id is the only one of the change, so it needs no suffix.
func (s *step) event(p *program) (transform.Event, error) {
	e := transform.Event{Change: s.in.Change, HasData: true, Opaque: p.data.opaque()}
	err := s.envelope.Fill(&e, p.parts, &s.in)
	if err != nil {
		return e, err
	}
	if e.Data, err = p.data.bytes(&s.envelope.Texts, &s.in); err != nil {
		return e, fmt.Errorf("data: %w", err)
	}
	return e, nil
}
