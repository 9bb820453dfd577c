package conn

import (
	"testing"
	"time"
)

// A wait counts only when what ended it had been sent before, and only several in a row are a stall.
func TestStallsCount(t *testing.T) {
	const ms = time.Millisecond
	// step is one read: it begins after a pause and waits; then the first whole message says how long before the end of the wait
	// it was sent.
	type step struct {
		pause, waits time.Duration
		inside       bool
		age          time.Duration
		stalls       bool
	}
	held := step{waits: 204 * ms, age: 300 * ms}
	inside := step{waits: 204 * ms, inside: true}
	last := func(s step) step { s.stalls = true; return s }
	for name, steps := range map[string][]step{
		"held back":                     {held, held, last(held)},
		"held back inside messages":     {inside, inside, last(inside)},
		"both":                          {held, inside, last(held)},
		"it begins again":               {held, held, last(held), held, held, last(held)},
		"a commit every 200 ms":         {{waits: 200 * ms, age: ms}, {waits: 200 * ms, age: ms}, {waits: 200 * ms, age: ms}, {waits: 200 * ms, age: ms}},
		"short waits":                   {{waits: 99 * ms, age: 200 * ms}, {waits: 99 * ms, age: 200 * ms}, {waits: 99 * ms, age: 200 * ms}},
		"a server that is suspended":    {held, {pause: 2 * time.Second, waits: 5 * time.Second, age: 6 * time.Second}, held},
		"two, and two more much later":  {held, held, {pause: 2 * time.Second, waits: 204 * ms, age: 300 * ms}, held},
		"sent at the moment of waiting": {{waits: 204 * ms, age: 204 * ms}, {waits: 204 * ms, age: 204 * ms}, {waits: 204 * ms, age: 204 * ms, stalls: true}},
	} {
		t.Run(name, func(t *testing.T) {
			var s stalls
			now := time.Unix(100, 0)
			for i, step := range steps {
				now = now.Add(step.pause)
				s.wait(now, step.inside)
				s.wait(now.Add(step.waits/2), !step.inside) // a deadline has passed meanwhile
				now = now.Add(step.waits)
				got := s.came(now)
				if s.pending() {
					got = s.sent(now.Add(-step.age)) || got
				}
				if got != step.stalls {
					t.Fatalf("step %d: stalled: %t", i, got)
				}
			}
		})
	}
}

// While the stream waits for its consumer nothing is measured.
func TestStallsPaused(t *testing.T) {
	var s stalls
	now := time.Unix(100, 0)
	for range 5 {
		s.wait(now, true)
		s.paused()
		if now = now.Add(204 * time.Millisecond); s.came(now) || s.pending() {
			t.Fatal("a pause counts as a wait")
		}
	}
}
