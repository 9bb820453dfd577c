package postgres

import "time"

// The low-water mark is what comes in about a span at the present rate. docs/decisions/0003 has the experiments: a fixed
// mark of 64 KiB with a short patience lost the gain at 30 MB/s and beside a busy neighbour; a decision by the size of one
// read flapped and cost half.
const (
	span    = time.Millisecond
	lull    = 4 * span // a hot flow that slows down is cold after so long only: a sender that waits for its turn goes on at once
	minMark = 4 << 10
	maxMark = 128 << 10
	hotRate = float64(minMark) / 0.001 // bytes a second that fill the least mark in a span
)

// flow measures how fast bytes come and says which mark that deserves. The mark is in bytes; 1 is a cold flow.
type flow struct {
	mark  int
	bytes int
	since time.Time
}

// note counts n bytes that were there at now, and says whether the mark has changed. After a mark that was not reached in time
// n is what came instead, 0 too: as it took longer than a span, the next mark is far below it.
func (f *flow) note(n int, now time.Time) bool {
	f.bytes += n
	d := now.Sub(f.since)
	if d < span {
		return false
	}
	rate := float64(f.bytes) / d.Seconds()
	if rate < hotRate && f.mark > 1 && d < lull {
		return false
	}
	f.bytes, f.since = 0, now
	mark := 1
	if rate >= hotRate {
		mark = min(max(int(rate*span.Seconds()), minMark), maxMark)
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
