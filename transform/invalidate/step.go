package invalidate

import (
	"strconv"

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
	shapes  rules.Shapes[*cachekey.Expander] // nil for a table that the block does not name
	texts   rules.Texts
	keys    [][]byte
}

// apply adds an event for each key of the old and of the new row, and passes the change on. A truncation gives an event without a key:
// every key of the sink's blocks.
func (s *step) apply(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
	c := e.Change
	if c.Op == capture.Message || c.Op == capture.Read || !e.Plain() {
		return append(dst, e), nil
	}
	keys, err := s.shapes.Of(c.Table, s.compile)
	if err != nil {
		return dst, err
	}
	if keys == nil {
		return append(dst, e), nil
	}
	s.counter.Seen.Add(1)
	s.counter.Matched.Add(1)
	if c.Op == capture.Truncate {
		return append(dst, transform.Event{Change: c, Type: transform.Invalidate, Suffix: "all"}, e), nil
	}
	if s.keys, err = keys.New(s.keys[:0], c, &s.texts); err == nil {
		s.keys, err = keys.Old(s.keys, c, &s.texts)
	}
	if err != nil {
		return dst, s.rule.Failed(err)
	}
	for i, k := range s.keys {
		switch {
		case cachekey.Contains(s.keys[:i], k):
		case k == nil:
			s.counter.NullKeys.Add(1)
		default:
			dst = append(dst, transform.Event{Change: c, Type: transform.Invalidate, Suffix: strconv.Itoa(i), Key: k, HasKey: true})
		}
	}
	return append(dst, e), nil
}

func (s *step) compile(t *capture.Table) (*cachekey.Expander, error) {
	if !s.rule.tables.Match(t.Schema, t.Name) {
		return nil, nil
	}
	x, diags := s.rule.keys.Compile(expr.Shape{Table: t, Later: rules.Later(t, s.site.Tables), Pipeline: s.site.Pipeline})
	if err := s.rule.DoesNotFit(t, diags); err != nil {
		return nil, err
	}
	return x, nil
}
