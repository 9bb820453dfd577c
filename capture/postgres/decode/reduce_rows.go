package decode

import (
	"encoding/binary"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/internal/bufpool"
)

// reduction returns how the row in a message is reduced; nil: it is not.
func (r *Relations) reduction(body []byte) *Reduction {
	if len(body) < 4 {
		return nil // decoding it is an error
	}
	id := binary.BigEndian.Uint32(body)
	if id != r.reducedID {
		r.reducedID, r.reducedLast = id, r.reduced[id]
	}
	return r.reducedLast
}

// reduce adds what is delivered of a row. Nothing else of it is kept: the row is decoded where it lies, and the values that are
// delivered are copied. A row that is not delivered counts in the transaction's Seq, so that the ids of the others do not depend on the
// file.
func (a *Assembler) reduce(kind pgoutput.Kind, body []byte, own *bufpool.Buffer, red *Reduction) error {
	defer own.Release()
	a.whole.Reset(a.values(2 * len(red.full.Columns)))
	op, err := a.decode(kind, body, &a.whole)
	if err != nil {
		return err
	}
	if t, err := a.table(a.row.Relation, op); t == nil || err != nil {
		return err
	}
	if red.halt != nil {
		return red.halt
	}
	if err := a.completeRow(red.full); err != nil {
		return err
	}
	return a.deliver(red, capture.Change{Op: op, Before: a.row.Old, After: a.row.New})
}

// values returns n zero values, until the next call.
func (a *Assembler) values(n int) []capture.Value {
	if len(a.scratch) < n {
		a.scratch = make([]capture.Value, n)
	}
	clear(a.scratch[:n])
	return a.scratch[:n]
}

// deliver adds a change of the full table, if the filter lets it pass, with the columns that are delivered.
func (a *Assembler) deliver(red *Reduction, whole capture.Change) error {
	a.pending = whole // the filter may keep nothing, but the compiler does not know that: it would allocate each change
	c := &a.pending
	c.Tx, c.Seq, c.Table = a.tx, a.seq, red.full
	if red.filter != nil {
		switch passes, err := red.filter.Apply(c); {
		case err != nil:
			return err
		case !passes:
			a.seq++
			return nil
		}
	}
	size := textOf(c.Before, red.keep) + textOf(c.After, red.keep)
	text, slab, kept := a.room(size)
	c.Table = red.table
	c.Before, text = project(c.Before, red.keep, slab, text)
	c.After, _ = project(c.After, red.keep, slab, text)
	a.append(*c, kept+changeCost+valueCost*(len(c.Before)+len(c.After)))
	return nil
}

// textOf returns the length of the text of the columns that are delivered.
func textOf(row []capture.Value, keep []int) (n int) {
	if row == nil {
		return 0
	}
	for _, k := range keep {
		n += len(row[k].Bytes)
	}
	return n
}

// project copies the columns that are delivered of a row, with their text into the beginning of text; it returns the rest of that.
func project(row []capture.Value, keep []int, slab *pgoutput.Slab, text []byte) (out []capture.Value, rest []byte) {
	if row == nil {
		return nil, text
	}
	out = slab.Take(len(keep))
	for i, k := range keep {
		v := row[k]
		if v.Kind == capture.Text {
			n := copy(text, v.Bytes)
			v.Bytes, text = text[:n:n], text[n:]
		}
		out[i] = v
	}
	return out, text
}

// CopyReduced adds what is delivered of a row of a copy, from one line of COPY's text format with the columns of red.CopyColumns.
func (a *Assembler) CopyReduced(red *Reduction, line []byte) error {
	n := len(red.full.Columns)
	values := a.values(2 * n)
	read, row := values[:len(red.reads)], values[n:]
	if a.line = append(a.line[:0], line...); cap(a.line) > maxLine {
		defer func() { a.line = nil }()
	}
	if err := copyRow(a.line, read); err != nil {
		return err
	}
	for i := range row {
		row[i] = capture.Value{Kind: capture.Absent}
	}
	for i, k := range red.reads {
		row[k] = read[i]
	}
	return a.deliver(red, capture.Change{Op: capture.Read, After: row})
}

// maxLine is the size, in bytes, up to which the memory for lines of a copy is used again.
const maxLine = 1 << 20

// CopyColumns returns the names of the columns that a copy of the table reads: those that are delivered, and those by which rows are
// selected.
func (red *Reduction) CopyColumns() (names []string) {
	for _, i := range red.reads {
		names = append(names, red.full.Columns[i].Name)
	}
	return names
}
