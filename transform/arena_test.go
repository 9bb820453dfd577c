package transform_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/transform"
)

func TestArenaKeepsEveryText(t *testing.T) {
	var a transform.Arena
	var kept, want [][]byte
	for i := range 5000 {
		text := bytes.Repeat([]byte(fmt.Sprint(i, "x")), i%40)
		if i%1000 == 999 {
			text = bytes.Repeat(text, 1<<10) // larger than a chunk
		}
		if dropped := append(a.Buffer(), "dropped"...); len(dropped) == 0 {
			t.Fatal("nothing was appended")
		}
		kept, want = append(kept, a.Keep(append(a.Buffer(), text...))), append(want, text)
	}
	for i := range kept {
		if kept[i] == nil || !bytes.Equal(kept[i], want[i]) {
			t.Fatalf("text %d is %.40q, want %.40q", i, kept[i], want[i])
		}
	}
	_ = append(kept[1], "more"...) // must not reach the next one
	if !bytes.Equal(kept[2], want[2]) {
		t.Errorf("text 2 is %q after an append to text 1", kept[2])
	}
}

func TestArenaAllocatesPerChunk(t *testing.T) {
	var a transform.Arena
	text := []byte("order 42")
	if n := testing.AllocsPerRun(10_000, func() { a.Keep(append(a.Buffer(), text...)) }); n > 0 {
		t.Errorf("%v allocations per text", n)
	}
}
