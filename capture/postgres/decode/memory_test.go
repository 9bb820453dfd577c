package decode

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/bufpool"
)

// Batches share allocations, and no change of one batch affects another.
func TestAssemblerBatchesDoNotOverlap(t *testing.T) {
	a := newAssembler()
	var batches []capture.Batch
	n := 0
	for i := range 400 {
		lsn := capture.LSN(0x1000 * (i + 1))
		a.must(t, beginMessage(lsn, uint32(i)))
		for range []int{1, 2, 1, 70, 3}[i%5] {
			a.must(t, insertMessage(fmt.Sprint(n), strings.Repeat("v", n%50)))
			n++
		}
		a.must(t, commitMessage(lsn, lsn+0x30))
		if i%3 != 1 {
			batches = append(batches, a.Take())
		}
	}
	batches = append(batches, a.Take())
	for i := len(batches) - 1; i >= 0; i-- { // what an owner may do with its own batch
		b := batches[i]
		if cap(b.Changes) != len(b.Changes) {
			t.Fatalf("batch %d has room for %d more changes", i, cap(b.Changes)-len(b.Changes))
		}
		for j := len(b.Changes) - 1; j >= 0; j-- {
			c := b.Changes[j]
			n--
			if c.After[0].String() != fmt.Sprint(n) || c.After[1].String() != strings.Repeat("v", n%50) {
				t.Fatalf("row %d is %s", n, printed(c.After))
			}
			for k := range c.After {
				_ = append(c.After[k].Bytes, "overwritten"...)
				copy(c.After[k].Bytes, "zzzzzzzzzzzz")
			}
			_ = append(c.After, text("one more"))
			b.Changes[j] = capture.Change{}
		}
	}
	if n != 0 {
		t.Errorf("%d rows are missing", n)
	}
}

// A message in a buffer of its own is kept, not copied, until the batch is released.
func TestAssemblerKeepsOwnMemory(t *testing.T) {
	bufpool.Poison()
	a := newAssembler()
	a.must(t, beginMessage(0x100, 9))
	for _, size := range []int{100, arenaMax - 100, 20_000, 100_000, 5 << 20} {
		for _, isOwn := range []bool{true, false} {
			msg := insertMessage("1", strings.Repeat("a", size))
			var own *bufpool.Buffer
			if isOwn {
				own = bufpool.Get(len(msg))
				own.Bytes = append(own.Bytes, msg...)
				msg = own.Bytes
			}
			if err := a.Add(t.Context(), msg, own); err != nil {
				t.Fatal(err)
			}
			b := a.Take()
			value := b.Changes[0].After[1].Bytes
			msg[len(msg)-1] = 'Z'
			if kept := bytes.HasSuffix(value, []byte("Z")); kept != isOwn {
				t.Errorf("own %v: the bytes are kept: %v", isOwn, kept)
			}
			if b.Bytes < size {
				t.Errorf("a row of %d bytes counts %d", size, b.Bytes)
			}
			copied := b
			b.Release()
			copied.Release() // shares memory that has been released
			if poisoned := value[0] != 'a'; poisoned != (isOwn || size > arenaMax) {
				t.Errorf("own %v, %d bytes: released: %v", isOwn, size, poisoned)
			}
		}
	}
}

// A message of which nothing is kept releases its buffer.
func TestAssemblerReleasesWhatItDoesNotKeep(t *testing.T) {
	bufpool.Poison()
	for _, left := range []bool{false, true} {
		a, _ := newMessageAssembler()
		a.must(t, beginMessage(0x100, 9))
		msg := logicalMessage(false, "ping", strings.Repeat("m", 100_000))
		if a.left = left; left {
			msg = insertMessage("1", strings.Repeat("m", 100_000))
		}
		own := bufpool.Get(len(msg))
		own.Bytes = append(own.Bytes, msg...)
		kept := own.Bytes
		if err := a.Add(t.Context(), kept, own); err != nil {
			t.Fatal(err)
		}
		if kept[len(kept)-1] == 'm' {
			t.Errorf("left out %v: the buffer was not released", left)
		}
	}
}

// No batch keeps the large rows of another one alive: they would outlive the window.
func TestAssemblerKeepsNoLargeRowAfterItsBatch(t *testing.T) {
	a := newAssembler()
	a.must(t, beginMessage(0x100, 9))
	gone := make(chan bool, 1)
	var small []capture.Batch
	for i := range 4 {
		a.must(t, insertMessage("1", "small"))
		if i == 1 {
			a.must(t, insertMessage("1", strings.Repeat("a", bufpool.Largest))) // too large for the pool
			b := a.Take()
			runtime.AddCleanup(&b.Changes[1].After[1].Bytes[0], func(c chan bool) { c <- true }, gone)
			continue
		}
		small = append(small, a.Take())
	}
	a.must(t, insertMessage("1", "small")) // row and arena keep the last one
	for range 100 {
		runtime.GC()
		select {
		case <-gone:
			runtime.KeepAlive(small)
			runtime.KeepAlive(a)
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("the row is alive")
}

func TestAssemblerAllocations(t *testing.T) {
	insert, update := insertMessage("1", "value"), updateMessage('O', []string{"1", "old"}, "1", "new")
	begin, commit := beginMessage(0x100, 9), commitMessage(0x100, 0x130)
	for _, rows := range []int{1, 2, 10, 1000} {
		a := newAssembler()
		n := testing.AllocsPerRun(200, func() {
			a.must(t, begin)
			for i := range rows {
				if a.must(t, insert); i%2 == 1 {
					a.must(t, update)
				}
				if a.Full() {
					a.Take()
				}
			}
			a.must(t, commit)
			a.Take()
		})
		if n/float64(rows) > 1.5 {
			t.Errorf("transactions of %d rows: %.1f allocations a row", rows, n/float64(rows))
		}
	}
}
