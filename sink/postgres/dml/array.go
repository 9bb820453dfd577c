package dml

import (
	"bytes"
	"io"
	"sync"

	"github.com/tailrace/tailrace/capture"
)

// AppendArray appends the text of an array of n values. Every element is quoted, so that no text has a special meaning.
func AppendArray(dst []byte, n int, value func(i int) capture.Value) []byte {
	dst = append(dst, '{')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		v := value(i)
		if v.Kind != capture.Text {
			dst = append(dst, "NULL"...)
			continue
		}
		dst = append(dst, '"')
		dst = appendEscaped(dst, v.Bytes)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

func appendEscaped(dst, text []byte) []byte {
	for len(text) > 0 {
		n := bytes.IndexAny(text, `"\`)
		if n < 0 {
			return append(dst, text...)
		}
		dst = append(append(dst, text[:n]...), '\\', text[n])
		text = text[n+1:]
	}
	return dst
}

// appendCopy appends a row in the text format of COPY.
func appendCopy(dst []byte, row []capture.Value, columns []int) []byte {
	for n, i := range columns {
		if n > 0 {
			dst = append(dst, '\t')
		}
		if row[i].Kind != capture.Text {
			dst = append(dst, '\\', 'N')
			continue
		}
		dst = appendCopyText(dst, row[i].Bytes)
	}
	return append(dst, '\n')
}

// copyEscapes has the character after the backslash with which COPY escapes a byte; 0: the byte is not escaped.
var copyEscapes = [256]byte{'\\': '\\', '\t': 't', '\n': 'n', '\r': 'r'}

func appendCopyText(dst, text []byte) []byte {
	from := 0
	for i, b := range text {
		if e := copyEscapes[b]; e != 0 {
			dst = append(append(dst, text[from:i]...), '\\', e)
			from = i + 1
		}
	}
	return append(dst, text[from:]...)
}

// CopyReader reads as the text format of COPY. Rows are encoded as they are read, so that the server works on the first while the
// rest is encoded. The driver's goroutine calls Read, the one that waits for it calls Stop.
type CopyReader struct {
	Rows      [][]capture.Value
	Columns   []int
	OnWritten func() // called when everything is read, before the server knows; may be nil

	mu   sync.Mutex
	done bool
	Text []byte // encoded rows; the first from bytes are read
	from int
}

// copyBytes is about how much is encoded at once.
const copyBytes = 32 << 10

// Read implements io.Reader.
func (c *CopyReader) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return 0, io.EOF
	}
	if c.from == len(c.Text) {
		if len(c.Rows) == 0 {
			if c.OnWritten != nil {
				c.OnWritten()
			}
			return 0, io.EOF
		}
		c.Text, c.from = c.Text[:0], 0
		for len(c.Rows) > 0 && len(c.Text) < copyBytes {
			c.Text, c.Rows = appendCopy(c.Text, c.Rows[0], c.Columns), c.Rows[1:]
		}
	}
	n := copy(p, c.Text[c.from:])
	c.from += n
	return n, nil
}

// Stop waits for a Read in progress; later ones return io.EOF. When a connection breaks, the driver does not wait for its
// goroutine.
func (c *CopyReader) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = true
}
