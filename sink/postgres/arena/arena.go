// Package arena allocates copies of many small values from a few large chunks of memory.
package arena

// Arena allocates from large chunks, and keeps the chunks when it is reset. The zero Arena is empty.
type Arena[T any] struct {
	chunks [][]T
	next   int // index of the first unused chunk
	free   []T
}

// Copy copies values into the arena, in chunks of the given length. A slice longer than a quarter of a chunk is allocated
// on its own.
func (a *Arena[T]) Copy(from []T, chunk int) []T {
	n := len(from)
	if n > chunk/4 {
		return append(make([]T, 0, n), from...)
	}
	if n > len(a.free) {
		if a.next == len(a.chunks) {
			a.chunks = append(a.chunks, make([]T, chunk))
		}
		a.free = a.chunks[a.next]
		a.next++
	}
	to := a.free[:n:n]
	a.free = a.free[n:]
	copy(to, from)
	return to
}

// Reset frees everything that was copied. At most keep chunks are kept for reuse.
func (a *Arena[T]) Reset(keep int) {
	if len(a.chunks) > keep {
		clear(a.chunks[keep:])
		a.chunks = a.chunks[:keep]
	}
	a.next, a.free = 0, nil
}
