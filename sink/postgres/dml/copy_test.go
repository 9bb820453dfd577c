package dml

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/tailrace/tailrace/capture"
)

// The text is the same however little is read at once.
func TestCopyText(t *testing.T) {
	var rows [][]capture.Value
	var want []byte
	for i := range 5000 {
		rows = append(rows, []capture.Value{value(fmt.Sprint(i)), {}, value("a\tb\nc")})
		want = appendCopy(want, rows[i], []int{0, 2, 1})
	}
	for name, read := range map[string]func(io.Reader) io.Reader{"one byte": iotest.OneByteReader, "halves": iotest.HalfReader} {
		got, err := io.ReadAll(read(&CopyReader{Rows: rows, Columns: []int{0, 2, 1}}))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s at once: %d bytes and %v, want %d bytes", name, len(got), err, len(want))
		}
	}
}

func value(s string) capture.Value { return capture.Value{Kind: capture.Text, Bytes: []byte(s)} }
