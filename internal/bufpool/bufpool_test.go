package bufpool

import (
	"bytes"
	"testing"
)

func TestClasses(t *testing.T) {
	for c := range classes {
		n := size(c)
		if got := classOf(n); got != c {
			t.Errorf("%d bytes are of class %d, want %d", n, got, c)
		}
		if c > 0 {
			if got := classOf(size(c-1) + 1); got != c {
				t.Errorf("%d bytes are of class %d, want %d", size(c-1)+1, got, c)
			}
			if grown := float64(n) / float64(size(c-1)); grown > 1.25 {
				t.Errorf("class %d is %.2f times the one before", c, grown)
			}
		}
	}
	if size(0) != smallest || size(classes-1) != Largest {
		t.Errorf("the classes go from %d to %d, want %d to %d", size(0), size(classes-1), smallest, Largest)
	}
}

func TestGetHasRoom(t *testing.T) {
	for _, n := range []int{0, 1, smallest, smallest + 1, 100_000, 1 << 20, Largest, Largest + 1, 40 << 20} {
		for range 3 {
			b := Get(n)
			if len(b.Bytes) != 0 || cap(b.Bytes) < n {
				t.Fatalf("room for %d of %d bytes, length %d", cap(b.Bytes), n, len(b.Bytes))
			}
			if most := 2*n + smallest; cap(b.Bytes) > most {
				t.Errorf("%d bytes for %d", cap(b.Bytes), n)
			}
			b.Release()
		}
	}
}

// What an owner has grown goes to the class that it has become, never to one that promises more.
func TestReleaseOfGrownBuffers(t *testing.T) {
	for _, n := range []int{20_000, 70_000, 1 << 20, Largest, Largest + 1} {
		b := Get(smallest)
		b.Bytes = append(b.Bytes, make([]byte, n)...)
		b.Release()
		if got := Get(n); cap(got.Bytes) < n {
			t.Errorf("room for %d of %d bytes", cap(got.Bytes), n)
		}
	}
}

func TestReuseAllocatesNothing(t *testing.T) {
	n := testing.AllocsPerRun(100, func() {
		var all [10]*Buffer
		for i := range all {
			all[i] = Get(100_000)
		}
		for _, b := range all {
			b.Release()
		}
	})
	if n > 1 { // a collection in between takes some
		t.Errorf("%.1f allocations for ten buffers", n)
	}
}

func TestPoison(t *testing.T) {
	Poison()
	defer poisons.Store(false)
	b := Get(smallest)
	b.Bytes = append(b.Bytes, "a row"...)
	kept := b.Bytes
	b.Release()
	if !bytes.Equal(kept, []byte("\xDB\xDB\xDB\xDB\xDB")) {
		t.Errorf("released memory still reads %q", kept)
	}
}

func TestReleaseTwicePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	b := Get(smallest)
	b.Release()
	b.Release()
}
