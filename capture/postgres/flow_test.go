package postgres

import (
	"testing"
	"time"
)

// run lets bytes come at a steady rate, in bytes a second, in reads of n, and counts the changes of the mark.
func (f *flow) run(now time.Time, rate float64, n int, d time.Duration) (time.Time, int) {
	changes := 0
	step := time.Duration(float64(n) / rate * float64(time.Second))
	for end := now.Add(d); now.Before(end); {
		now = now.Add(step)
		if f.note(n, now) {
			changes++
		}
	}
	return now, changes
}

// The mark is about what comes in a span, and does not flap while the rate is steady, whatever the size of the reads.
func TestFlowMarkByRate(t *testing.T) {
	for _, c := range []struct {
		rate  float64
		marks [2]int
	}{
		{1e3, [2]int{1, 1}},
		{3e6, [2]int{1, 1}},
		{5e6, [2]int{minMark, 10 << 10}},
		{30e6, [2]int{15_000, 60_000}},
		{100e6, [2]int{50_000, maxMark}},
		{1e9, [2]int{maxMark / 2, maxMark}},
	} {
		for _, n := range []int{100, 1500, 16 << 10} {
			f := flow{mark: 1}
			now, _ := f.run(time.Unix(100, 0), c.rate, n, 200*time.Millisecond)
			if f.mark < c.marks[0] || f.mark > c.marks[1] {
				t.Errorf("%.0f B/s in reads of %d: mark %d, want %v", c.rate, n, f.mark, c.marks)
			}
			if c.rate < 5e6 && n > 1500 {
				continue // one read is more than a span's worth
			}
			if _, changes := f.run(now, c.rate, n, 2*time.Second); changes > 0 {
				t.Errorf("%.0f B/s in reads of %d: the mark changed %d times at a steady rate", c.rate, n, changes)
			}
		}
	}
}

// A flow that ends is cold by its next byte.
func TestFlowCools(t *testing.T) {
	f := flow{mark: 1}
	now, _ := f.run(time.Unix(100, 0), 50e6, 32<<10, 100*time.Millisecond)
	if f.mark == 1 {
		t.Fatal("cold at 50 MB/s")
	}
	if !f.note(100, now.Add(time.Second)) || f.mark != 1 {
		t.Errorf("mark %d after a second of silence", f.mark)
	}
}

// A mark that is not reached in time is halved until the flow is cold; then it grows again from below.
func TestFlowLate(t *testing.T) {
	f := flow{mark: 1}
	now, _ := f.run(time.Unix(100, 0), 500e6, 32<<10, 100*time.Millisecond)
	if f.mark != maxMark {
		t.Fatalf("mark %d at 500 MB/s", f.mark)
	}
	for want := maxMark / 2; want >= minMark; want /= 2 {
		if f.late(); f.mark != want {
			t.Fatalf("mark %d after it was late, want %d", f.mark, want)
		}
	}
	if f.late(); f.mark != 1 {
		t.Fatalf("mark %d, want a cold flow", f.mark)
	}
	f.note(1<<20, now.Add(span))
	if f.mark > 2*minMark {
		t.Errorf("mark %d at once, after marks that were late", f.mark)
	}
	if f.run(now.Add(span), 500e6, 32<<10, 100*time.Millisecond); f.mark != maxMark {
		t.Errorf("mark %d while the flow keeps up", f.mark)
	}
}
