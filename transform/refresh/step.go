package refresh

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/cachekey"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// step is the block in the chain of one sink.
type step struct {
	rule    *rule
	site    transform.Site
	counter *transform.Rule
	shapes  rules.Shapes[*program] // nil for a table that the block does not name
	texts   rules.Texts
	in      expr.Input
	keys    [][]byte
}

// program is the block, compiled for one shape of a table.
type program struct {
	key   *cachekey.Expander
	value [capture.Message]*expr.Value // by operation; nil for one without a new row
}

// apply adds an event with the value of the new row, or one that deletes the key of the old row where there is no new row under it,
// and passes the change on. A truncation gives an event without a key: every key of the sink's blocks.
func (s *step) apply(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
	c := e.Change
	if c.Op == capture.Message || !e.Plain() {
		return append(dst, e), nil
	}
	p, err := s.shapes.Of(c.Table, s.compile)
	if err != nil {
		return dst, err
	}
	if p == nil {
		return append(dst, e), nil
	}
	s.counter.Seen.Add(1)
	s.counter.Matched.Add(1)
	if c.Op == capture.Truncate {
		return append(dst, transform.Event{Change: c, Type: transform.Invalidate, Suffix: "all"}, e), nil
	}
	added, err := s.refresh(dst, p, c)
	if err != nil {
		return dst, s.rule.Failed(err)
	}
	return append(added, e), nil
}

func (s *step) refresh(dst []transform.Event, p *program, c *capture.Change) ([]transform.Event, error) {
	var err error
	if s.keys, err = p.key.New(s.keys[:0], c, &s.texts); err != nil {
		return dst, err
	}
	current := s.keys
	if s.keys, err = p.key.Old(s.keys, c, &s.texts); err != nil {
		return dst, err
	}
	for i, k := range s.keys {
		switch {
		case k == nil:
			s.counter.NullKeys.Add(1)
		case i < len(current):
			s.in.Change = c
			data, err := s.texts.JSON(p.value[c.Op], &s.in)
			if s.in.Change = nil; err != nil {
				return dst, err
			}
			dst = append(dst, transform.Event{Change: c, Type: transform.Refresh, Key: k, HasKey: true, Data: data, HasData: true})
		case len(current) == 0 || !bytes.Equal(k, current[0]):
			dst = append(dst, transform.Event{Change: c, Type: transform.Refresh, Suffix: "del", Key: k, HasKey: true, HasData: true})
		}
	}
	return dst, nil
}

func (s *step) compile(t *capture.Table) (*program, error) {
	if !s.rule.tables.Match(t.Schema, t.Name) {
		return nil, nil
	}
	p, diags := s.rule.compile(expr.Shape{Table: t, Later: rules.Later(t, s.site.Tables), Pipeline: s.site.Pipeline})
	if err := s.rule.DoesNotFit(t, diags); err != nil {
		return nil, err
	}
	return p, nil
}

func (r *rule) compile(shape expr.Shape) (*program, hcl.Diagnostics) {
	p := &program{}
	var diags hcl.Diagnostics
	p.key, diags = r.key.Compile(shape)
	for _, op := range []capture.Op{capture.Insert, capture.Update, capture.Read} {
		shape.Op = op
		value, problems := r.value.Value(shape)
		p.value[op], diags = value, append(diags, problems...)
	}
	return p, rules.Once(diags)
}
