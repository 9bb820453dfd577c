package arena

// Arena gives out pieces of large chunks of memory, and keeps the chunks for the next time.
type Arena[T any] struct {
	chunks [][]T
	next   int // the first chunk that is not in use
	free   []T
}

// Copy copies a run of values. What is larger than a quarter of a chunk gets memory of its own.
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

// Reset takes all pieces back. At most keep chunks stay.
func (a *Arena[T]) Reset(keep int) {
	if len(a.chunks) > keep {
		clear(a.chunks[keep:])
		a.chunks = a.chunks[:keep]
	}
	a.next, a.free = 0, nil
}
