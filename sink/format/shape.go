package format

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// maxShapes is how many shapes are kept: pointers of shapes that are gone for good must not pile up for ever.
const maxShapes = 20_000

// shapes compiles each shape of a table once.
type shapes struct {
	types    *jsonvalue.Types
	compiled map[*capture.Table]*shape
	last     *shape // the table at hand is most often the one before
}

func newShapes(o Options) shapes {
	return shapes{types: jsonvalue.New(o.NumericAsNumber), compiled: map[*capture.Table]*shape{}}
}

// shape is what a table's events have in common.
type shape struct {
	table   *capture.Table
	columns []column
	key     []column
	full    [5][]byte // by capture.Op: `{"op":"insert","schema":"public","table":"orders"`
	short   [5][]byte // by capture.Op: `{"op":"insert"`
	kinds   [5][]byte // by capture.Op: `public.orders.insert`
	read    []byte    // `read/public.orders/`
}

// column is one column: where its value stands, and how it looks.
type column struct {
	index int
	quote []byte // `,"id"`
	name  []byte // `,"id":`
	value jsonvalue.Appender
}

func (s *shapes) of(t *capture.Table) *shape {
	if s.last != nil && s.last.table == t {
		return s.last
	}
	c := s.compiled[t]
	if c == nil {
		if len(s.compiled) >= maxShapes {
			clear(s.compiled)
		}
		c = compile(t, s.types)
		s.compiled[t] = c
	}
	s.last = c
	return c
}

func compile(t *capture.Table, types *jsonvalue.Types) *shape {
	c := &shape{table: t, read: []byte("read/" + t.String() + "/")}
	for i := range t.Columns {
		c.columns = append(c.columns, compileColumn(t, i, types))
	}
	for _, i := range t.Key {
		c.key = append(c.key, c.columns[i])
	}
	for op := range c.full {
		name := capture.Op(op).String()
		c.short[op] = []byte(`{"op":"` + name + `"`)
		b := append([]byte(nil), c.short[op]...)
		b = jsonvalue.AppendString(append(b, `,"schema":`...), []byte(t.Schema))
		c.full[op] = jsonvalue.AppendString(append(b, `,"table":`...), []byte(t.Name))
		c.kinds[op] = []byte(t.String() + "." + name)
	}
	return c
}

func compileColumn(t *capture.Table, i int, types *jsonvalue.Types) column {
	quote := jsonvalue.AppendString([]byte{','}, []byte(t.Columns[i].Name))
	name := append(append([]byte(nil), quote...), ':')
	return column{index: i, quote: quote, name: name, value: types.Appender(t.Columns[i].Type)}
}
