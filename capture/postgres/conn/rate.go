package conn

import "time"

// The heat of a flow determines how long to rest between reads; docs/decisions/0003 has the experiments. A decision by the
// size of single reads kept changing and cost half of the throughput.
const (
	span     = time.Millisecond
	lull     = 4 * span // a hot flow that slows down cools only after this time: a sender that waits for its turn continues soon
	hotRate  = 1 << 20  // bytes per second from which resting pays
	pourRate = 16 << 20 // bytes per second from which a longer rest pays: one window per span
)

// The heats.
const (
	cold = iota
	hot
	pouring
)

// flow measures the rate at which bytes arrive.
type flow struct {
	heat  int
	rate  float64 // bytes per second
	bytes int
	since time.Time
}

// record counts n bytes that were available at now. A read that found nothing counts with 0.
func (f *flow) record(n int, now time.Time) {
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

// until returns how long a number of bytes takes at the present rate of a hot flow.
func (f *flow) until(bytes int) time.Duration {
	return time.Duration(float64(bytes) / f.rate * float64(time.Second))
}
