package kafka

import (
	"testing"
	"time"
)

func TestLinger(t *testing.T) {
	var p linger
	now := time.Unix(1_790_000_000, 0)
	sends := func(n int, every time.Duration) {
		for range 100 {
			now = now.Add(every)
			p.countRequest(n, now)
		}
	}
	for _, c := range []struct {
		name  string
		bytes int
		every time.Duration
		least int
	}{
		{"a row a millisecond", 200, time.Millisecond, 0},
		{"100 rows a millisecond", 20_000, time.Millisecond, 20_000},
		{"as many, one by one", 200, 10 * time.Microsecond, 20_000},
		{"more than a request needs", 1 << 20, time.Millisecond, maxMinBytes},
		{"a row a millisecond after all that", 200, time.Millisecond, 0},
	} {
		if sends(c.bytes, c.every); p.minBytes < c.least*9/10 || p.minBytes > c.least*11/10 {
			t.Errorf("%s: %d bytes, want %d", c.name, p.minBytes, c.least)
		}
	}
	if wait, first := p.wait(now); !wait || !first {
		t.Error("the first does not wait")
	}
	if wait, first := p.wait(now.Add(maxLinger / 2)); !wait || first {
		t.Error("it does not go on waiting, or the wait begins again")
	}
	if wait, _ := p.wait(now.Add(maxLinger)); wait {
		t.Error("it waits too long")
	}
	if wait, first := p.wait(now.Add(maxLinger)); !wait || !first {
		t.Error("the next does not wait")
	}
}
