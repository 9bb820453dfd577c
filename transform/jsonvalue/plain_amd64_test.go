package jsonvalue

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// The vectors find the first byte that needs a look, wherever it is and however long the text is.
func TestVectorsFindTheFirst(t *testing.T) {
	memory := bytes.Repeat([]byte{'"'}, 200) // a read beyond the text would find something
	for _, flip := range []byte{0, 0x80} {
		for size := range 100 {
			text := memory[size%16:][:size:size]
			for c := range 256 {
				for i := range text {
					text[i] = '#'
				}
				at := size
				if size > 0 && !isPlain(byte(c), flip) {
					at = rand.IntN(size)
				}
				if size > 0 {
					text[min(at, size-1)] = byte(c)
				}
				want := at
				if at == size || at >= size-size%vector {
					want = size - size%vector
				}
				if got := plainVectors(text, flip); got != want {
					t.Fatalf("flip %#x: %d of %q, want %d", flip, got, text, want)
				}
			}
			for i := range text {
				text[i] = '"'
			}
		}
	}
}

func isPlain(c, flip byte) bool {
	return c >= ' ' && c != '"' && c != '\\' && (c < 0x80 || flip != 0)
}
