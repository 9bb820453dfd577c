package postgres

import "time"

// A flow is hot when so much comes in a span that resting between reads pays; docs/decisions/0003 has the experiments. A
// decision by the size of one read flapped and cost half.
const (
	span    = time.Millisecond
	lull    = 4 * span // a hot flow that slows down is cold after so long only: a sender that waits for its turn goes on at once
	hotRate = 4 << 20  // bytes a second
)

// flow measures how fast bytes come.
type flow struct {
	hot   bool
	bytes int
	since time.Time
}

// note counts n bytes that were there at now. A read that found nothing counts with 0.
func (f *flow) note(n int, now time.Time) {
	f.bytes += n
	d := now.Sub(f.since)
	if d < span {
		return
	}
	hot := float64(f.bytes) >= hotRate*d.Seconds()
	if f.hot && !hot && d < lull {
		return
	}
	f.hot, f.bytes, f.since = hot, 0, now
}
