package postgres

import "time"

// The low-water mark is what comes in about a span at the present rate. docs/decisions/0003 has the experiments: a fixed
// mark of 64 KiB with a short patience lost the gain at 30 MB/s and beside a busy neighbour; a decision by the size of one
// read flapped and cost half.
const (
	span    = time.Millisecond
	minMark = 4 << 10
	maxMark = 128 << 10
	hotRate = float64(minMark) / 0.001 // bytes a second that fill the least mark in a span
)

// flow measures how fast bytes come and says which mark that deserves. The mark is in bytes; 1 is a cold flow.
type flow struct {
	mark  int
	limit int // halved when a mark was not reached in time, doubled while marks are; 0: not set
	bytes int
	since time.Time
}

// note counts n bytes that were there at now, and says whether the mark has changed.
func (f *flow) note(n int, now time.Time) bool {
	f.bytes += n
	d := now.Sub(f.since)
	if d < span {
		return false
	}
	rate := float64(f.bytes) / d.Seconds()
	f.bytes, f.since = 0, now
	mark := 1
	if rate >= hotRate {
		f.limit = min(2*max(f.limit, minMark), maxMark)
		mark = min(max(int(rate*span.Seconds()), minMark), f.limit)
	}
	if f.near(mark) {
		return false
	}
	f.mark = mark
	return true
}

// near says that a mark is about the present one: setting it is a system call.
func (f *flow) near(mark int) bool {
	if mark == 1 || f.mark == 1 {
		return mark == f.mark
	}
	return mark < 2*f.mark && f.mark < 2*mark
}

// late says that a mark was not reached in time.
func (f *flow) late() {
	f.limit = f.mark / 2
	f.mark /= 2
	if f.mark < minMark {
		f.mark = 1
	}
}
