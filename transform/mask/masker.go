package mask

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Masker masks the rows of changes. One goroutine at a time may use it.
type Masker struct {
	site   transform.Site
	rules  []*rule
	shapes rules.Shapes[shape]
	texts  transform.Arena
	values []capture.Value // the rest of its capacity is free, and never used again
	image  capture.Change  // the row that is masked, as an insert
	in     expr.Input
	memory expr.Memory // of all compiled masks
}

// shape is what masks one shape of a table; it has no blocks when none names the table.
type shape struct {
	blocks []block
	table  *capture.Table // with the masked rows
}

// block is a mask block that is compiled for one shape of a table.
type block struct {
	rule    *rule
	columns []masked
}

const valueChunk = 1024

// Applies reports whether a block masks columns of a table. The error is the problem of a block that does not fit the table.
func (m *Masker) Applies(t *capture.Table) (bool, error) {
	s, err := m.shapes.Of(t, m.compile)
	return len(s.blocks) > 0, err
}

// Mask replaces the rows of a change by masked copies, in memory that is not used again. It does not modify the values that the rows
// had. A value that the row does not carry, Unchanged or Absent, stays that. The error is the problem of a block that does not fit
// the table, or rejects the change; the rows must not be used then.
func (m *Masker) Mask(c *capture.Change) error {
	s, err := m.shapes.Of(c.Table, m.compile)
	if err != nil || len(s.blocks) == 0 {
		return err
	}
	for i := range s.blocks {
		if err := m.apply(&s.blocks[i], c); err != nil {
			return s.blocks[i].rule.Failed(err)
		}
	}
	c.Table = s.table
	return nil
}

func (m *Masker) apply(b *block, c *capture.Change) (err error) {
	if c.Before != nil {
		if c.Before, err = m.row(b, c, c.Before); err != nil {
			return err
		}
	}
	if c.After != nil {
		c.After, err = m.row(b, c, c.After)
	}
	return err
}

// row returns a masked copy of one image of a change. All columns are computed from the image as it was.
func (m *Masker) row(b *block, c *capture.Change, image []capture.Value) ([]capture.Value, error) {
	if cap(m.values)-len(m.values) < len(image) {
		m.values = make([]capture.Value, 0, max(valueChunk, len(image)))
	}
	start := len(m.values)
	m.values = append(m.values, image...)
	out := m.values[start:len(m.values):len(m.values)]
	m.image = capture.Change{Tx: c.Tx, Seq: c.Seq, Op: capture.Insert, Table: c.Table, After: image}
	m.in.Change = &m.image
	for i := range b.columns {
		column := &b.columns[i]
		if column.index >= len(image) || image[column.index].Kind == capture.Unchanged || image[column.index].Kind == capture.Absent {
			continue
		}
		value, err := m.value(column)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", column.name, err)
		}
		out[column.index] = value
	}
	return out, nil
}

var errMisfit = errors.New("the masked value does not fit the column's type")

// value returns what a column becomes. Its errors do not quote the value.
func (m *Masker) value(c *masked) (capture.Value, error) {
	switch {
	case c.json != nil:
		out, err := c.json.AppendJSON(m.texts.Buffer(), &m.in)
		if err != nil {
			return capture.Value{}, err
		}
		return capture.Value{Kind: capture.Text, Bytes: m.texts.Keep(out)}, nil
	case c.text == nil:
		return capture.Value{}, nil
	}
	out, null, err := c.text.Append(m.texts.Buffer(), &m.in)
	if err != nil || null {
		return capture.Value{}, err
	}
	text := m.texts.Keep(out)
	if c.fits != nil {
		var ok bool
		if text, ok = c.fits(text); !ok {
			return capture.Value{}, errMisfit
		}
	}
	return capture.Value{Kind: capture.Text, Bytes: text}, nil
}

func (m *Masker) compile(t *capture.Table) (shape, error) {
	s := shape{table: t}
	for _, r := range m.rules {
		if !r.tables.Match(t.Schema, t.Name) {
			continue
		}
		columns, diags := r.compile(expr.Shape{
			Table: t, Later: rules.Later(t, m.site.Tables), Pipeline: m.site.Pipeline, NumericAsNumber: m.site.NumericAsNumber, Memory: &m.memory,
		})
		if err := r.DoesNotFit(t, diags); err != nil {
			return shape{}, err
		}
		s.blocks = append(s.blocks, block{r, columns})
		s.table = withoutFill(s.table, columns)
	}
	return s, nil
}

// withoutFill returns the shape without what rows that are older than a masked column have in it: that is a value of the column, and
// nothing masks it.
func withoutFill(t *capture.Table, columns []masked) *capture.Table {
	for _, c := range columns {
		if fill := t.Columns[c.index].Fill; fill == capture.FillNull || fill == capture.FillUnknown {
			continue
		}
		masked := *t
		masked.Columns = slices.Clone(t.Columns)
		masked.Columns[c.index].Fill, masked.Columns[c.index].Filled = capture.FillUnknown, ""
		t = &masked
	}
	return t
}
