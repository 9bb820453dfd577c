package decode

import (
	"bytes"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// null and text are values.
func null() capture.Value         { return capture.Value{} }
func text(s string) capture.Value { return capture.Value{Kind: capture.Text, Bytes: []byte(s)} }

func sameValues(a, b []capture.Value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Kind != b[i].Kind || !bytes.Equal(a[i].Bytes, b[i].Bytes) {
			return false
		}
	}
	return true
}

func TestCopyRow(t *testing.T) {
	for _, c := range []struct {
		line string
		want []capture.Value // nil: not a row of so many columns
		n    int
	}{
		{"\n", []capture.Value{text("")}, 1},
		{"\\N\n", []capture.Value{null()}, 1},
		{"N\n", []capture.Value{text("N")}, 1},
		{"\\\\N\n", []capture.Value{text(`\N`)}, 1},
		{"\\NN\n", []capture.Value{text("NN")}, 1}, // not written by a server
		{"a\tb\n", []capture.Value{text("a"), text("b")}, 2},
		{"\\N\t\t\\N\t\n", []capture.Value{null(), text(""), null(), text("")}, 4},
		{`\b\f\n\r\t\v\\` + "\n", []capture.Value{text("\b\f\n\r\t\v\\")}, 1},
		{`a\tb` + "\t" + `\\.` + "\n", []capture.Value{text("a\tb"), text(`\.`)}, 2},
		{`end\` + "\n", []capture.Value{text(`end\`)}, 1}, // not written by a server
		{"é\t🐘\x7f\x01\n", []capture.Value{text("é"), text("🐘\x7f\x01")}, 2},
		{"a", []capture.Value{text("a")}, 1},
		{"a\n", nil, 2},
		{"a\tb\n", nil, 1},
		{"a\tb\tc\n", nil, 2},
		{"\n", []capture.Value{}, 0},
		{"a\n", nil, 0},
	} {
		values := make([]capture.Value, c.n)
		err := copyRow([]byte(c.line), values)
		if c.want == nil {
			if err == nil {
				t.Errorf("%q is read as %d columns", c.line, c.n)
			}
			continue
		}
		if err != nil || !sameValues(values, c.want) {
			t.Errorf("%q: %q, %v; want %q", c.line, values, err, c.want)
		}
	}
}

// The values of a row cannot be reached through each other with append.
func TestCopyRowCapacity(t *testing.T) {
	values := make([]capture.Value, 3)
	if err := copyRow([]byte("one\tt\\two\tthree\n"), values); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if cap(v.Bytes) != len(v.Bytes) {
			t.Errorf("%q has room behind it", v)
		}
	}
}

// encodeCopy is what a server writes: CopyAttributeOutText.
func encodeCopy(values []capture.Value) []byte {
	var b []byte
	for i, v := range values {
		if i > 0 {
			b = append(b, '\t')
		}
		if v.Kind == capture.Null {
			b = append(b, `\N`...)
			continue
		}
		for _, c := range v.Bytes {
			if at := bytes.IndexByte([]byte("\b\f\n\r\t\v\\"), c); at >= 0 {
				b = append(b, '\\', `bfnrtv\`[at])
			} else {
				b = append(b, c)
			}
		}
	}
	return append(b, '\n')
}

func FuzzCopyRow(f *testing.F) {
	f.Add([]byte("a\x00b\\N\x00\t\x00\x01\x00"))
	f.Add([]byte(`\N`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var want []capture.Value
		for _, field := range bytes.Split(b, []byte{0}) {
			v := text(string(field))
			if string(field) == "\x01" {
				v = null()
			}
			want = append(want, v)
		}
		got := make([]capture.Value, len(want))
		if err := copyRow(encodeCopy(want), got); err != nil || !sameValues(got, want) {
			t.Fatalf("%q was read as %q, %v", want, got, err)
		}
		for n := range 4 {
			_ = copyRow(bytes.Clone(b), make([]capture.Value, n)) // any bytes: no panic
		}
	})
}
