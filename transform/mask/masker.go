package mask

import (
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Masker masks the rows of changes. One goroutine at a time may use it.
type Masker struct {
	site   transform.Site
	rules  []*rule
	shapes rules.Shapes[[]block]
	texts  transform.Arena
	values []capture.Value // the rest of its capacity is free, and never used again
	image  capture.Change  // the row that is masked, as an insert
	in     expr.Input
	memory expr.Memory // of all compiled masks
}

// block is a mask block that is compiled for one shape of a table.
type block struct {
	rule    *rule
	columns []masked
}

const valueChunk = 1024

// Applies reports whether a block masks columns of a table. The error is the problem of a block that does not fit the table.
func (m *Masker) Applies(t *capture.Table) (bool, error) {
	blocks, err := m.shapes.Of(t, m.compile)
	return len(blocks) > 0, err
}

// Mask replaces the rows of a change by masked copies, in memory that is not used again. It does not modify the values that the rows
// had. A value that the row does not carry, Unchanged or Absent, stays that. The error is the problem of a block that does not fit
// the table, or rejects the change; the rows must not be used then.
func (m *Masker) Mask(c *capture.Change) error {
	blocks, err := m.shapes.Of(c.Table, m.compile)
	if err != nil {
		return err
	}
	for i := range blocks {
		if err := m.apply(&blocks[i], c); err != nil {
			return blocks[i].rule.Failed(err)
		}
	}
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

func (m *Masker) compile(t *capture.Table) ([]block, error) {
	var blocks []block
	for _, r := range m.rules {
		if !r.tables.Match(t.Schema, t.Name) {
			continue
		}
		columns, diags := r.compile(expr.Shape{
			Table: t, Later: rules.Later(t, m.site.Tables), Pipeline: m.site.Pipeline, NumericAsNumber: m.site.NumericAsNumber, Memory: &m.memory,
		})
		if err := r.DoesNotFit(t, diags); err != nil {
			return nil, err
		}
		blocks = append(blocks, block{r, columns})
	}
	return blocks, nil
}
