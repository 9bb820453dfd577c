package decode

import (
	"bytes"
	"fmt"

	"github.com/tailrace/tailrace/capture"
)

// BeginCopy begins a copy of rows, which are one virtual transaction.
func (a *Assembler) BeginCopy(tx *capture.Tx) { a.tx = tx }

// CopyRow adds a row of t, from one line of COPY's text format.
func (a *Assembler) CopyRow(t *capture.Table, line []byte) error {
	text, slab, bytes := a.keep(line, nil)
	values := slab.Take(len(t.Columns))
	if err := copyRow(text, values); err != nil {
		return err
	}
	a.append(capture.Change{Op: capture.Read, Table: t, After: values}, bytes+changeCost+valueCost*len(values))
	return nil
}

// EndCopy ends a copy of rows whose snapshot has everything before end.
func (a *Assembler) EndCopy(end capture.LSN) {
	a.endTx(end)
	a.Close(capture.Position{LSN: end})
}

// copyRow parses one line of COPY's text format into values. Their bytes are slices of line, which it unescapes in place.
// The text of a value is the one that the stream has for the same value (I5).
func copyRow(line []byte, values []capture.Value) error {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	if len(values) == 0 && len(line) > 0 {
		return fmt.Errorf("read copy: no columns were asked for, the row has some")
	}
	for i := range values {
		end := bytes.IndexByte(line, '\t')
		last := end < 0
		if last {
			end = len(line)
		}
		if last != (i == len(values)-1) {
			return fmt.Errorf("read copy: %d columns were asked for, the row has another number", len(values))
		}
		values[i] = copyField(line[:end])
		if !last {
			line = line[end+1:]
		}
	}
	return nil
}

func copyField(f []byte) capture.Value {
	if len(f) == 2 && f[0] == '\\' && f[1] == 'N' {
		return capture.Value{}
	}
	n := bytes.IndexByte(f, '\\')
	if n < 0 {
		return capture.Value{Kind: capture.Text, Bytes: f[:len(f):len(f)]}
	}
	for i := n; i < len(f); i++ {
		c := f[i]
		if c == '\\' && i+1 < len(f) {
			i++
			c = unescaped(f[i])
		}
		f[n] = c
		n++
	}
	return capture.Value{Kind: capture.Text, Bytes: f[:n:n]}
}

// unescaped returns the character that COPY's backslash and c stand for. COPY writes no octal or hexadecimal escapes.
func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	}
	return c
}
