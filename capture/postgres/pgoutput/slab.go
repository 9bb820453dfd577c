package pgoutput

import "github.com/tailrace/tailrace/capture"

// chunk is how many values a Slab allocates at once: 32 KiB, small enough for the allocator's size classes.
const chunk = 1024

// Slab hands out slices of values from larger chunks. What it has handed out is never handed out again: it belongs to
// the batch, and the garbage collector frees a chunk when the last batch that has a part of it is gone. The zero Slab
// is ready; one goroutine uses it, for as many batches as it likes. A nil Slab allocates what it hands out by itself, for
// values that are too large to be kept by others of their chunk.
type Slab struct {
	free []capture.Value
}

// Take returns n zero values, whose capacity is n too. It is never nil: a row may have no columns.
func (s *Slab) Take(n int) []capture.Value {
	switch {
	case n == 0:
		return []capture.Value{}
	case s == nil:
		return make([]capture.Value, n)
	case n <= len(s.free):
	case n > chunk/4: // what is left of the chunk stays for smaller rows
		return make([]capture.Value, n)
	default:
		s.free = make([]capture.Value, chunk)
	}
	v := s.free[:n:n]
	s.free = s.free[n:]
	return v
}
