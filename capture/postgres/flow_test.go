package postgres

import (
	"math/rand/v2"
	"testing"
	"time"
)

// run lets bytes come at a steady rate, in bytes a second, in reads of n, and counts the changes of the mark.
func (f *flow) run(now time.Time, rate float64, n int, d time.Duration) (time.Time, int) {
	changes := 0
	step := time.Duration(float64(n) / rate * float64(time.Second))
	chance := rand.New(rand.NewPCG(1, 2))
	for end := now.Add(d); now.Before(end); {
		now = now.Add(step*9/10 + time.Duration(chance.Int64N(int64(step)/5+1)))
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
			if _, changes := f.run(now, c.rate, n, 2*time.Second); changes > 3 {
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

// A hot flow outlives a pause of the sender that is shorter than a lull, with nothing or little in it.
func TestFlowPause(t *testing.T) {
	f := flow{mark: 1}
	now, _ := f.run(time.Unix(100, 0), 50e6, 32<<10, 100*time.Millisecond)
	f.bytes, f.since = 0, now
	if f.note(0, now.Add(patience)) || f.mark == 1 {
		t.Errorf("mark %d after one mark that was not reached", f.mark)
	}
	if f.note(100, now.Add(lull-1)) || f.mark == 1 {
		t.Errorf("mark %d before the lull is over", f.mark)
	}
	if !f.note(100, now.Add(lull+span)) || f.mark != 1 {
		t.Errorf("mark %d after a lull", f.mark)
	}
}

// A sender that stops in the middle of a mark, as TCP does while it waits for an acknowledgement, is asked for less the next
// time: the mark that a burst has left does not wait for its patience again and again.
func TestFlowLate(t *testing.T) {
	for _, n := range []int{13 << 10, 20 << 10, 60 << 10} {
		f := flow{mark: 1}
		now, _ := f.run(time.Unix(100, 0), 90e6, 32<<10, 100*time.Millisecond)
		if f.mark <= 60<<10 {
			t.Fatalf("mark %d at 90 MB/s", f.mark)
		}
		f.bytes, f.since = 0, now
		f.note(n, now.Add(patience+span/10))
		if f.mark == 1 || f.mark > max(n/2, minMark) {
			t.Errorf("mark %d after %d bytes came within the patience", f.mark, n)
		}
	}
}

// Transactions that come in bursts, each far faster than the mean, wait for the rest of a mark no longer than a patience, and
// nearly none so long: the mark follows the mean.
func TestFlowBursts(t *testing.T) {
	const size, row = 20_000, 200
	f, now := flow{mark: 1}, time.Unix(100, 0)
	waiting, large := 0, 0
	for i := range 2000 {
		began := now
		for range size / row { // at 80 MB/s
			now = now.Add(2500 * time.Nanosecond)
			if waiting += row; waiting >= f.mark {
				f.note(waiting, now)
				waiting = 0
			}
		}
		if i >= 100 && f.mark > 2*size {
			large++
		}
		now = began.Add(span)
	}
	if large > 100 {
		t.Errorf("%d of 1900 times the mark was more than two transactions", large)
	}
}
