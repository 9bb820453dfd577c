package messages

import (
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// step is a messages block of one sink.
type step struct {
	rule     *rule
	site     transform.Site
	counts   *transform.Rule
	shapes   rules.Shapes[*envelope.Compiled] // by the table that stands for a prefix
	envelope envelope.Builder
	in       expr.Input
}

func newStep(r *rule, at transform.Site) *step {
	return &step{rule: r, site: at, counts: at.Rules.Add(r.Title, nil)}
}

// apply is a transform.Func. It passes on what is not a message with the block's prefix.
func (s *step) apply(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
	c := e.Change
	if c.Op != capture.Message || !e.Plain() {
		return append(dst, e), nil
	}
	s.counts.Seen.Add(1)
	if !strings.HasPrefix(c.Table.Name, s.rule.prefix) {
		return append(dst, e), nil
	}
	p, err := s.shapes.Of(c.Table, s.compile)
	if err != nil {
		return dst, err
	}
	s.in.Change = c
	made, err := s.event(p)
	s.in.Change = nil
	if err != nil {
		return dst, s.rule.Failed(err)
	}
	s.counts.Count(&made)
	return append(dst, made), nil
}

func (s *step) compile(t *capture.Table) (*envelope.Compiled, error) {
	p, diags := s.rule.parts.Compile(expr.Shape{Table: t, Op: capture.Message, Pipeline: s.site.Pipeline})
	return p, s.rule.DoesNotFit(t, diags)
}

// event returns the event of the message. It takes the place of the message, so its id needs no suffix.
func (s *step) event(p *envelope.Compiled) (transform.Event, error) {
	c := s.in.Change
	e := transform.Event{Change: c, Type: c.Table.Name, Data: c.After[0].Bytes, HasData: true, Opaque: true}
	if e.Data == nil {
		e.Data = []byte{} // an empty message is no tombstone
	}
	err := s.envelope.Fill(&e, p, &s.in)
	return e, err
}

// shapeOf returns the shape of messages with a prefix, for a check.
func shapeOf(prefix string) expr.Shape {
	return expr.Shape{Op: capture.Message, Table: &capture.Table{
		Name:    prefix,
		Columns: []capture.Column{{Name: "content", Type: &capture.Type{Schema: "pg_catalog", Name: "text"}, Inline: true}},
	}}
}
