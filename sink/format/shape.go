package format

import (
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// maxShapes limits how many shapes are kept, so that shapes that are no longer used do not accumulate.
const maxShapes = 20_000

// Shapes compiles each shape of a table once.
type Shapes struct {
	types    *jsonvalue.Types
	compiled map[*capture.Table]*Shape
	current  *Shape // of the last Prepare
}

// NewShapes returns empty Shapes.
func NewShapes(o Options) Shapes {
	return Shapes{types: jsonvalue.New(o.NumericAsNumber), compiled: map[*capture.Table]*Shape{}}
}

// Shape is what the events of one shape of a table have in common.
type Shape struct {
	table     *capture.Table
	columns   []column
	key       []column
	Head      [capture.Message + 1][]byte // by capture.Op: `{"op":"insert","schema":"public","table":"orders"`
	ShortHead [capture.Message + 1][]byte // by capture.Op: `{"op":"insert"`
	EventType [capture.Message + 1][]byte // by capture.Op: `public.orders.insert`
	ReadID    []byte                      // `read/public.orders/`
}

// column is one column: the index of its value, and how it is encoded.
type column struct {
	index int
	quote []byte // `,"id"`
	name  []byte // `,"id":`
	value jsonvalue.Appender
}

// Prepare makes the shape of t the current one.
func (s *Shapes) Prepare(t *capture.Table) {
	c := s.compiled[t]
	if c == nil {
		if len(s.compiled) >= maxShapes {
			clear(s.compiled)
		}
		c = compile(t, s.types)
		s.compiled[t] = c
	}
	s.current = c
}

// Of returns the current shape. It fails when the change is of another shape, or does not fit it.
func (s *Shapes) Of(c *capture.Change) (*Shape, error) {
	if s.current == nil || s.current.table != c.Table {
		return nil, fmt.Errorf("%s: %w", c.Table, ErrNotPrepared)
	}
	return s.current, s.current.check(c)
}

// HasKey reports whether the table has a key.
func (s *Shape) HasKey() bool { return len(s.key) > 0 }

func compile(t *capture.Table, types *jsonvalue.Types) *Shape {
	c := &Shape{table: t, ReadID: []byte("read/" + t.String() + "/")}
	for i := range t.Columns {
		c.columns = append(c.columns, compileColumn(t, i, types))
	}
	for _, i := range t.Key {
		c.key = append(c.key, c.columns[i])
	}
	for op := range c.Head {
		name := capture.Op(op).String()
		c.ShortHead[op] = []byte(`{"op":"` + name + `"`)
		c.Head[op] = appendOrigin(slices.Clone(c.ShortHead[op]), t, capture.Op(op))
		c.EventType[op] = []byte(t.String() + "." + name)
	}
	return c
}

// appendOrigin appends the name of the table, or of a message the prefix, which takes the place of a table's name.
func appendOrigin(dst []byte, t *capture.Table, op capture.Op) []byte {
	if op == capture.Message {
		return jsonvalue.AppendString(append(dst, `,"prefix":`...), []byte(t.Name))
	}
	dst = jsonvalue.AppendString(append(dst, `,"schema":`...), []byte(t.Schema))
	return jsonvalue.AppendString(append(dst, `,"table":`...), []byte(t.Name))
}

func compileColumn(t *capture.Table, i int, types *jsonvalue.Types) column {
	quote := jsonvalue.AppendString([]byte{','}, []byte(t.Columns[i].Name))
	name := append(append([]byte(nil), quote...), ':')
	return column{index: i, quote: quote, name: name, value: types.Appender(t.Columns[i].Type)}
}
