package transform

// Arena holds the texts that a step makes for its events. It never reuses memory, because a step does not learn when the Write that
// got its events has returned: the garbage collector frees a chunk that no event refers to any more. The zero Arena is ready to use.
// One goroutine may use it at a time.
type Arena struct{ chunk []byte }

const (
	arenaChunk = 16 << 10 // bytes of a chunk, unless one text needs more
	arenaRoom  = 2 << 10  // a chunk with less room than this gets no further text
)

// Buffer returns the memory to which the next text is appended. Keep has to follow, unless the text is dropped.
func (a *Arena) Buffer() []byte {
	if cap(a.chunk)-len(a.chunk) < arenaRoom || len(a.chunk) > arenaChunk {
		a.chunk = make([]byte, 0, arenaChunk)
	}
	return a.chunk
}

// Keep takes what Buffer returned with a text appended to it, and returns the text. It is never nil.
func (a *Arena) Keep(out []byte) []byte {
	start := len(a.chunk)
	a.chunk = out
	return out[start:len(out):len(out)]
}
