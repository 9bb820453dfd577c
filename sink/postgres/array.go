package postgres

import (
	"bytes"

	"github.com/tailrace/tailrace/capture"
)

// appendArray appends the text of an array's elements, one for each of n values. Every element is quoted, so that no text
// means anything but itself.
func appendArray(dst []byte, n int, value func(i int) capture.Value) []byte {
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

// appendCopy appends a row's line in COPY's text format.
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

// copyEscapes has what COPY writes behind a backslash for a byte; 0: the byte stands for itself.
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
