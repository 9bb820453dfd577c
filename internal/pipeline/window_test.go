package pipeline

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// at is a position between transactions.
func at(lsn capture.LSN) capture.Position { return capture.Position{LSN: lsn} }

// batch is a transaction of n changes that ends at end.
func batch(end capture.LSN, n, bytes int) capture.Batch {
	b := capture.Batch{End: at(end), Commit: true, Bytes: bytes}
	tx := &capture.Tx{LSN: end - 8}
	for i := range n {
		b.Changes = append(b.Changes, capture.Change{Tx: tx, Seq: uint64(i)})
	}
	return b
}

// bed is a window that begins at 100, and who had to wait.
type bed struct {
	*window
	t     *testing.T
	blame map[int]time.Duration
}

func newBed(t *testing.T, limit int64, sinks int) *bed {
	b := &bed{t: t, blame: map[int]time.Duration{}}
	b.window = newWindow(limit, at(100), sinks, func(sink int, d time.Duration) { b.blame[sink] += d })
	return b
}

func (b *bed) add(batches ...capture.Batch) {
	b.t.Helper()
	for _, x := range batches {
		if err := b.append(b.t.Context(), x); err != nil {
			b.t.Fatal(err)
		}
	}
}

// reads takes everything that is there for a sink, without accepting it.
func (b *bed) reads(i int) (run []capture.Batch, n int) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pendingLocked(i, 1<<40)
}

func (b *bed) ends(i int) string {
	run, _ := b.reads(i)
	s := ""
	for _, x := range run {
		s += fmt.Sprintf("%d/%d ", uint64(x.End.LSN), len(x.Changes))
	}
	return s
}

// I6: never more than the limit and one batch, whichever sink is slow.
func TestWindowIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, size = 1000, 300
		b := newBed(t, limit, 2)
		peak := int64(0)
		go func() {
			for i := range capture.LSN(50) {
				_ = b.append(t.Context(), batch(200+100*i, 1, size))
				peak = max(peak, b.size())
			}
		}()
		synctest.Wait()
		for range 50 {
			b.accept(0, 1)
			synctest.Wait()
		}
		if got := b.size(); got < limit || got > limit+size {
			t.Errorf("sink 1 takes nothing, and %d bytes are in the window", got)
		}
		for range 50 {
			b.accept(1, 1)
			synctest.Wait()
		}
		if peak > limit+size || peak < limit {
			t.Errorf("up to %d bytes were there, the limit is %d and a batch has %d", peak, limit, size)
		}
		if b.base+uint64(len(b.ring)) != 50 {
			t.Errorf("%d batches went in", b.base+uint64(len(b.ring)))
		}
	})
}

// Batches without changes cost memory too: an idle source must not fill it while a sink is stuck.
func TestEmptyBatchesAreBoundedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b := newBed(t, 10_000, 1)
		var err error
		n := 0
		for ; n < 10_000 && err == nil; n++ {
			err = b.append(ctx, batch(capture.LSN(200+8*n), 0, 0))
		}
		if err == nil {
			t.Errorf("%d empty batches went into a window of 10000 bytes", n)
		}
	})
}

// A batch that is larger than the whole window goes in when there is room at all, and one at a time.
func TestOneBatchAlwaysFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, 10, 1)
		b.add(batch(200, 1, 5000))
		done := false
		go func() {
			_ = b.append(t.Context(), batch(300, 1, 5000))
			done = true
		}()
		synctest.Wait()
		if done {
			t.Fatal("two batches beyond the limit")
		}
		b.accept(0, 1)
		synctest.Wait()
		if !done {
			t.Fatal("no room, though everything is accepted")
		}
	})
}

// Room is made of what every sink has accepted, the oldest first; what some sink has not accepted stays.
func TestRoomByEviction(t *testing.T) {
	b := newBed(t, 600, 2)
	b.add(batch(200, 1, 200), batch(300, 1, 200), batch(400, 1, 200))
	b.accept(0, 3)
	b.accept(1, 1)
	if b.size() < 600 {
		t.Fatal("a batch that is durable in no sink is dropped without need")
	}
	b.add(batch(500, 1, 200))
	if b.tail != at(200) || b.ends(1) != "300/1 400/1 500/1 " || b.ends(0) != "500/1 " {
		t.Errorf("the tail is %s, sink 0 has %s, sink 1 has %s", b.tail, b.ends(0), b.ends(1))
	}
}

// What every sink has accepted and made durable is dropped at once.
func TestReleaseByDurable(t *testing.T) {
	b := newBed(t, 1<<20, 2)
	b.add(batch(200, 1, 200), batch(300, 1, 200))
	b.accept(0, 2)
	b.setDurable(0, at(300))
	b.accept(1, 2)
	b.setDurable(1, at(299))
	if b.tail != at(200) {
		t.Errorf("held up to 299 by both: the tail is %s", b.tail)
	}
	b.setDurable(1, at(300))
	if b.tail != at(300) || b.size() != 0 || len(b.ring) != 0 {
		t.Errorf("held by both: the tail is %s, %d bytes", b.tail, b.size())
	}
	b.add(batch(400, 1, 200))
	b.setDurable(0, at(400))
	b.setDurable(1, at(400))
	if b.size() == 0 {
		t.Error("dropped before it was accepted")
	}
}

func TestSeek(t *testing.T) {
	for name, c := range map[string]struct {
		to   capture.Position
		ok   bool
		ends string
	}{
		"before the tail":        {at(199), false, ""},
		"nothing":                {at(0), false, ""},
		"the tail":               {at(200), true, "300/3 400/3 500/0 "},
		"inside a transaction":   {capture.Position{LSN: 292, Seq: 2}, true, "300/1 400/3 500/0 "},
		"all but its end":        {capture.Position{LSN: 292, Seq: 3}, true, "300/0 400/3 500/0 "},
		"between":                {at(350), true, "400/3 500/0 "},
		"before an empty batch":  {at(499), true, "500/0 "},
		"the head":               {at(500), true, ""},
		"beyond the head":        {at(650), true, ""},
		"inside one yet to come": {capture.Position{LSN: 692, Seq: 1}, true, ""},
	} {
		b := newBed(t, 1<<20, 2)
		b.add(batch(200, 3, 200), batch(300, 3, 200), batch(400, 3, 200), batch(500, 0, 0))
		for i := range 2 {
			b.accept(i, 1)
			b.setDurable(i, at(200))
		}
		b.accept(0, 2)
		if ok := b.seek(0, c.to); ok != c.ok {
			t.Errorf("%s: %v", name, ok)
			continue
		}
		if c.ok && b.ends(0) != c.ends {
			t.Errorf("%s: what comes is %s, want %s", name, b.ends(0), c.ends)
		}
		if b.ends(1) != "300/3 400/3 500/0 " {
			t.Errorf("%s: the other sink's cursor moved: %s", name, b.ends(1))
		}
	}
}

// A cursor beyond the head lets pass what it is beyond of, and begins inside the batch where it stands.
func TestSeekBeyondTheHead(t *testing.T) {
	b := newBed(t, 1<<20, 1)
	b.add(batch(200, 1, 10))
	if !b.seek(0, capture.Position{LSN: 392, Seq: 2}) {
		t.Fatal("no")
	}
	b.add(batch(300, 2, 10), batch(400, 3, 10), batch(500, 1, 10))
	run, n := b.reads(0)
	if n != 3 || len(run) != 2 || len(run[0].Changes) != 1 || run[0].Changes[0].Seq != 2 || len(run[1].Changes) != 1 {
		t.Errorf("%d batches, to be written: %s", n, b.ends(0))
	}
	b.accept(0, n)
	if _, ok := b.idleSince(); !ok {
		t.Error("not idle after everything was accepted")
	}
}

// The zero position is the very beginning as long as that is there.
func TestSeekTheBeginning(t *testing.T) {
	b := newBed(t, 1<<20, 1)
	b.add(batch(100, 0, 0), batch(200, 1, 10))
	b.accept(0, 2)
	if !b.seek(0, capture.Position{}) || b.ends(0) != "100/0 200/1 " {
		t.Errorf("from the beginning: %s", b.ends(0))
	}
}

// A read takes about as much as it is asked for, and at least one batch.
func TestReadIsBounded(t *testing.T) {
	b := newBed(t, 1<<20, 1)
	b.add(batch(200, 1, 200), batch(300, 1, 200), batch(400, 1, 200))
	for limit, want := range map[int64]int{1: 1, 200: 1, 201: 2, 450: 3, 2000: 3} {
		run, n, err := b.read(t.Context(), 0, limit, nil)
		if err != nil || len(run) != want || n != want {
			t.Errorf("at most %d bytes: %d batches, %v", limit, n, err)
		}
	}
}

// A reader sleeps until there is something, its writer fails, or its context ends; a context that has ended gives nothing
// more out, however much there is.
func TestReadWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, 1<<20, 2)
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := make(chan struct{})
		var n int
		var err error
		done := 0
		read := func() {
			_, n, err = b.read(ctx, 0, 1<<20, stop)
			done++
		}
		go read()
		synctest.Wait()
		if done != 0 {
			t.Fatal("it does not wait")
		}
		b.setDurable(1, at(7)) // wakes it for nothing
		synctest.Wait()
		if done != 0 {
			t.Fatal("woken for nothing, it returns")
		}
		b.add(batch(200, 1, 10))
		synctest.Wait()
		if done != 1 || n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		b.accept(0, 1)
		go read()
		synctest.Wait()
		close(stop)
		synctest.Wait()
		if done != 2 || n != 0 || err != nil {
			t.Fatalf("stopped: %d, %v", n, err)
		}
		b.add(batch(300, 1, 10))
		over := errors.New("over")
		cancel(over)
		if read(); n != 0 || !errors.Is(err, over) {
			t.Errorf("after the end of its context: %d batches, %v", n, err)
		}
	})
}

// The goroutine that fills the window reports which sink it had to wait for.
func TestBlameOfWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, 200, 2)
		b.add(batch(200, 1, 200))
		b.accept(0, 1)
		go func() {
			time.Sleep(3 * time.Second)
			b.accept(1, 1)
			time.Sleep(2 * time.Second)
			b.accept(1, 1)
			time.Sleep(5 * time.Second)
			b.accept(0, 1)
		}()
		b.add(batch(300, 1, 200), batch(400, 1, 200))
		if b.blame[1] != 3*time.Second || b.blame[0] != 7*time.Second {
			t.Errorf("%v", b.blame)
		}
	})
}

// The end of the context ends the waiting for room.
func TestAppendGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, 200, 1)
		b.add(batch(200, 1, 200))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.append(ctx, batch(300, 1, 200)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if b.ends(0) != "200/1 " {
			t.Error("the batch went in after all")
		}
	})
}
