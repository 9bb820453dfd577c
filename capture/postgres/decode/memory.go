package decode

import (
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/internal/bufpool"
)

// keep makes the batch own the text of a row: in the buffer that already holds it, in a new buffer, or in memory that small
// rows share. It returns the slab for the row's values and the number of bytes that the row keeps alive.
func (a *Assembler) keep(text []byte, own *bufpool.Buffer) (kept []byte, slab *pgoutput.Slab, bytes int) {
	if own == nil && len(text) <= arenaMax {
		return a.arena.copy(text), &a.slab, len(text)
	}
	if own == nil {
		own = bufpool.Get(len(text))
		own.Bytes = append(own.Bytes, text...)
		text = own.Bytes
	}
	a.large = append(a.large, own)
	return text, nil, cap(own.Bytes) // values shared between batches would keep the row alive longer than its batch
}

// room is keep for n bytes of text that the caller copies: it returns memory that the batch owns.
func (a *Assembler) room(n int) (text []byte, slab *pgoutput.Slab, bytes int) {
	if n <= arenaMax {
		return a.arena.take(n), &a.slab, n
	}
	own := bufpool.Get(n)
	own.Bytes = own.Bytes[:n]
	a.large = append(a.large, own)
	return own.Bytes, nil, cap(own.Bytes)
}

// buffers holds the large rows of a batch. It implements the Memory of a capture.Batch.
type buffers []*bufpool.Buffer

// Release returns the buffers to their pool. Only the first call has an effect.
func (l *buffers) Release() {
	for _, b := range *l {
		b.Release()
	}
	*l = nil
}

// arena is memory for the text of rows, in chunks that batches share.
type arena struct{ free []byte }

const (
	arenaChunk = 64 << 10
	arenaMax   = arenaChunk / 4 // bytes; larger text is not copied there
)

// copy copies at most arenaMax bytes.
func (a *arena) copy(b []byte) []byte {
	if len(b) > len(a.free) {
		a.free = make([]byte, arenaChunk)
	}
	n := copy(a.free, b)
	c := a.free[:n:n]
	a.free = a.free[n:]
	return c
}

// take returns n bytes, at most arenaMax.
func (a *arena) take(n int) []byte {
	if n > len(a.free) {
		a.free = make([]byte, arenaChunk)
	}
	c := a.free[:n:n]
	a.free = a.free[n:]
	return c
}
