package jsonvalue_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// Each byte at each position of a text that is scanned word by word, also next to bytes whose sums carry.
func TestEveryByteInEveryPlace(t *testing.T) {
	for _, filler := range []byte{'a', ' ', 0x7f, '!', '#', '[', ']', 0xff, 0x80} {
		for c := range 256 {
			for at := range 48 {
				text := bytes.Repeat([]byte{filler}, 48)
				text[at] = byte(c)
				got := jsonvalue.AppendString(nil, text)
				var back string
				if err := json.Unmarshal(got, &back); err != nil || !utf8.Valid(got) {
					t.Fatalf("%q becomes %q: %v", text, got, err)
				}
				if want := string([]rune(string(text))); back != want {
					t.Fatalf("%q becomes %s, want %q", text, got, want)
				}
			}
		}
	}
}
