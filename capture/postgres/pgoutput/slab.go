package pgoutput

import "github.com/tailrace/tailrace/capture"

// chunk is the number of values that a Slab allocates at once: 32 KiB, small enough for the allocator's size classes.
const chunk = 1024

// Slab returns slices of values from larger chunks. It never returns the same memory twice: a slice belongs to the batch,
// and the garbage collector frees a chunk when the last batch with a part of it is gone. The zero Slab is ready for use; one
// goroutine uses it, for any number of batches. A nil Slab allocates each slice separately, for values that are too large to
// be kept alive by others of their chunk.
type Slab struct {
	free []capture.Value
}

// Reset makes the slab return values next, which the caller owns.
func (s *Slab) Reset(values []capture.Value) { s.free = values }

// Take returns n zero values, whose capacity is n too. It is never nil: a row may have no columns.
func (s *Slab) Take(n int) []capture.Value {
	switch {
	case n == 0:
		return []capture.Value{}
	case s == nil:
		return make([]capture.Value, n)
	case n <= len(s.free):
	case n > chunk/4: // the rest of the chunk remains for smaller rows
		return make([]capture.Value, n)
	default:
		s.free = make([]capture.Value, chunk)
	}
	v := s.free[:n:n]
	s.free = s.free[n:]
	return v
}
