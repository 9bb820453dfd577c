package aggregate

import "github.com/tailrace/tailrace/capture"

// image is a row in memory of its own: the memory of a batch is released before the transaction ends. The zero image is no row.
type image struct {
	table  *capture.Table
	values []capture.Value
	text   []byte // the memory of the values
}

// The memory of a row in addition to its text, on a 64-bit machine.
const (
	rowCost   = 256 // a row, its place in the map, and its key twice
	valueCost = 32
)

// cost is about how many bytes the image takes.
func (m *image) cost() int64 { return int64(cap(m.text) + valueCost*cap(m.values)) }

// set replaces the image. A value that the new row does not have, because the update left it unchanged, is that of the previous image.
func (m *image) set(t *capture.Table, row []capture.Value) {
	previous := m.as(t)
	size, kept := 0, false
	for i := range row {
		if row[i].Kind == capture.Unchanged && previous != nil && previous[i].Kind == capture.Text {
			size, kept = size+len(previous[i].Bytes), true
		}
		size += len(row[i].Bytes)
	}
	values, text := m.values, m.text[:0]
	if kept || cap(text) < size || cap(values) < len(row) {
		values, text = make([]capture.Value, len(row)), make([]byte, 0, size)
	}
	values = values[:len(row)]
	for i, v := range row {
		if v.Kind == capture.Unchanged && previous != nil && previous[i].Kind == capture.Text {
			v = previous[i]
		}
		if v.Kind != capture.Text {
			values[i] = capture.Value{Kind: v.Kind}
			continue
		}
		start := len(text)
		text = append(text, v.Bytes...)
		values[i] = capture.Value{Kind: capture.Text, Bytes: text[start:len(text):len(text)]}
	}
	m.table, m.values, m.text = t, values, text
}

// as returns the values as a row of another shape of the table: by name, and null where the image has no such column. It returns nil
// for no row.
func (m *image) as(t *capture.Table) []capture.Value {
	if m.table == t || m.table == nil {
		return m.values
	}
	row := make([]capture.Value, len(t.Columns))
	for i := range t.Columns {
		if from := m.table.Column(t.Columns[i].Name); from >= 0 {
			row[i] = m.values[from]
		}
	}
	return row
}

// identity returns the columns that identify a row of a table among those that a transaction changes: the key or, where old rows do
// not carry it, the replica identity. Empty: there are none.
func identity(t *capture.Table) []int {
	carried := true
	for _, i := range t.Key {
		carried = carried && t.Columns[i].Identity
	}
	if carried {
		return t.Key
	}
	var columns []int
	for i := range t.Columns {
		if t.Columns[i].Identity {
			columns = append(columns, i)
		}
	}
	if columns == nil { // neither updates nor deletes are published
		return t.Key
	}
	return columns
}

// appendIdentity appends the values of the columns that identify a row. A column that row lacks has not changed: it is the other
// row's.
func appendIdentity(dst []byte, columns []int, row, other []capture.Value) []byte {
	for _, i := range columns {
		v := capture.Value{Kind: capture.Absent}
		if row != nil {
			v = row[i]
		}
		if v.Kind != capture.Text && v.Kind != capture.Null && other != nil {
			v = other[i]
		}
		dst = append(dst, byte(v.Kind))
		dst = appendText(dst, v.Bytes)
	}
	return dst
}
