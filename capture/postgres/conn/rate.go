package conn

import "time"

// The heat of a flow says how long to rest between reads; docs/decisions/0003 has the experiments. A decision by the size of
// one read flapped and cost half.
const (
	span     = time.Millisecond
	lull     = 4 * span // a hot flow that slows down cools after so long only: a sender that waits for its turn goes on at once
	hotRate  = 1 << 20  // bytes a second from which resting pays
	pourRate = 16 << 20 // and from which a longer rest does: that is a window in a span
)

// The heats.
const (
	cold = iota
	hot
	pouring
)

// flow measures how fast bytes come.
type flow struct {
	heat  int
	rate  float64 // bytes a second
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
	heat, rate := cold, float64(f.bytes)/d.Seconds()
	switch {
	case rate >= pourRate:
		heat = pouring
	case rate >= hotRate:
		heat = hot
	}
	if heat < f.heat && d < lull {
		return
	}
	f.heat, f.rate, f.bytes, f.since = heat, rate, 0, now
}

// until says how long so many bytes take at the present rate of a hot flow.
func (f *flow) until(bytes int) time.Duration {
	return time.Duration(float64(bytes) / f.rate * float64(time.Second))
}
