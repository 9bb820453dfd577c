package format

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
)

// AppendChange appends `,"row":{...}`, and `,"old":{...}` and `,"unchanged":[...]` where the change has these.
func (s *Shape) AppendChange(dst []byte, c *capture.Change) []byte {
	dst = append(dst, `,"row":`...)
	if c.After == nil {
		dst = append(dst, "null"...)
	} else {
		dst = s.appendImage(dst, c.After)
	}
	if c.Before != nil {
		dst = append(dst, `,"old":`...)
		dst = s.appendImage(dst, c.Before)
	}
	return s.appendUnchanged(dst, c.After)
}

// appendImage appends a row as an object, without the columns whose values are unknown.
func (s *Shape) appendImage(dst []byte, row []capture.Value) []byte {
	start := len(dst)
	for i := range s.columns {
		c := &s.columns[i]
		switch v := &row[i]; v.Kind {
		case capture.Text:
			dst = append(dst, c.name...)
			dst = c.value(dst, v.Bytes)
		case capture.Null:
			dst = append(dst, c.name...)
			dst = append(dst, "null"...)
		}
	}
	if len(dst) == start {
		return append(dst, "{}"...)
	}
	dst[start] = '{' // was the comma of the first column
	return append(dst, '}')
}

func (s *Shape) appendUnchanged(dst []byte, row []capture.Value) []byte {
	const before = `,"unchanged":`
	start := len(dst) + len(before)
	for i := range row {
		if row[i].Kind == capture.Unchanged {
			if len(dst) < start {
				dst = append(dst, before...)
			}
			dst = append(dst, s.columns[i].quote...)
		}
	}
	if len(dst) > start {
		dst[start] = '['
		dst = append(dst, ']')
	}
	return dst
}

// AppendKey appends the key columns as an object, in the order of the key. It appends nothing when the change has no row or
// the table has no key. A value that the new row does not contain is taken from the old row.
func (s *Shape) AppendKey(dst []byte, c *capture.Change) ([]byte, error) {
	row := c.Row()
	if len(s.key) == 0 || row == nil {
		return dst, nil
	}
	start := len(dst)
	for i := range s.key {
		k := &s.key[i]
		v := row[k.index]
		if v.Kind >= capture.Unchanged && c.Before != nil {
			v = c.Before[k.index]
		}
		dst = append(dst, k.name...)
		switch v.Kind {
		case capture.Text:
			dst = k.value(dst, v.Bytes)
		case capture.Null:
			dst = append(dst, "null"...)
		default:
			return dst, fmt.Errorf("column %s of %s: %w", s.table.Columns[k.index].Name, s.table, ErrKey)
		}
	}
	dst[start] = '{'
	return append(dst, '}'), nil
}
