package wire

import (
	"sync"

	"github.com/tailrace/tailrace/internal/bufpool"
)

// sizes are those of chunks. The records of a batch take a small one first and then larger ones, so that a batch of one
// row is cheap to keep, and one of thousands has few.
var sizes = [...]int{1 << 10, 4 << 10, 16 << 10, 64 << 10}

// idle has chunks for reuse, by size. The garbage collector may free them.
var idle [len(sizes)]sync.Pool

// chunk is memory for whole records, each after its length.
type chunk struct {
	next  *chunk
	class int // of sizes; -1: text is a part of large
	text  []byte
	large *bufpool.Buffer // of a record that is larger than all sizes, or was made there
}

// newChunk has room for n bytes, and the size of class at least, where there is one.
func newChunk(class, n int) *chunk {
	class = min(max(class, 0), len(sizes)-1)
	for class < len(sizes) && sizes[class] < n {
		class++
	}
	if class == len(sizes) {
		b := bufpool.Get(n)
		return &chunk{class: -1, text: b.Bytes, large: b}
	}
	if c, ok := idle[class].Get().(*chunk); ok {
		return c
	}
	return &chunk{class: class, text: make([]byte, 0, sizes[class])}
}

func (c *chunk) free() {
	if c.class < 0 {
		c.text = nil
		c.large.Release()
		return
	}
	c.next, c.text = nil, c.text[:0]
	idle[c.class].Put(c)
}
