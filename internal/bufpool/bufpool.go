// Package bufpool keeps large buffers for reuse: those of rows from 16 KiB to 4 MiB. Smaller rows share chunks of memory, and
// larger ones are rare.
//
// A buffer has one owner at a time. Who gets one owns it, hands it on or releases it, and after that uses neither the Buffer
// nor a slice of its bytes. A buffer that is never released is the garbage collector's, so forgetting one costs memory for a
// while and nothing else; releasing one too early sends other rows' bytes.
package bufpool

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// The capacities of pooled buffers, in bytes. There are four to each doubling, so a buffer that is made for n bytes has at
// most a quarter more; one that is reused for them has at most twice as many.
const (
	smallest = 16 << 10
	steps    = 4
	doubling = 8 // from smallest to Largest
	classes  = doubling*steps + 1

	// Largest is the capacity of the largest pooled buffer.
	Largest = smallest << doubling
)

// pools are the idle buffers by capacity. The garbage collector takes those that were idle from one collection to the next,
// which bounds them by what was in use at once.
var pools [classes]sync.Pool

// poisons says that Release overwrites.
var poisons atomic.Bool

// Buffer is a slice of bytes that is reused.
type Buffer struct {
	Bytes []byte // the owner may append beyond its capacity
	idle  bool
}

// Get returns an empty Buffer with room for at least n bytes, whose content is arbitrary.
func Get(n int) *Buffer {
	if n > Largest {
		return &Buffer{Bytes: make([]byte, 0, n)}
	}
	class := classOf(n)
	for c := class; c <= min(class+steps, classes-1); c++ {
		if b, ok := pools[c].Get().(*Buffer); ok {
			b.idle = false
			return b
		}
	}
	return &Buffer{Bytes: make([]byte, 0, size(class))}
}

// Release gives b back. A nil Buffer is none.
func (b *Buffer) Release() {
	if b == nil {
		return
	}
	if b.idle {
		panic("bufpool: a buffer is released twice")
	}
	n := cap(b.Bytes)
	if poisons.Load() {
		poison(b.Bytes[:n])
	}
	if n < smallest || n > Largest {
		b.Bytes = nil
		return
	}
	b.idle, b.Bytes = true, b.Bytes[:0]
	pools[classOf(n+1)-1].Put(b)
}

// Poison makes every Release in this process overwrite what it gets, so that a test sees the use of released memory.
func Poison() { poisons.Store(true) }

func poison(b []byte) {
	for i := range b {
		b[i] = 0xDB // neither UTF-8 nor a digit
	}
}

// classOf is the smallest class with a capacity of at least n.
func classOf(n int) int {
	if n <= smallest {
		return 0
	}
	double := bits.Len(uint(n-1)) - bits.Len(smallest-1) - 1 // n is in (smallest<<double, smallest<<(double+1)]
	step := smallest / steps << double
	return double*steps + (n-smallest<<double+step-1)/step
}

// size is the capacity of a class.
func size(class int) int {
	return smallest / steps << (class / steps) * (steps + class%steps)
}
