package kafka

import "time"

const (
	rateWindow  = 5 * time.Millisecond // what the rate is taken over
	lingerAbove = 4 << 20              // bytes a second from which on a request waits for more
	maxLinger   = 2 * time.Millisecond // for so long at most
	maxMinBytes = 64 << 10             // bytes, from which on a request costs little beside its records
)

// linger knows how large a request should be at the rate that records come at. A request costs both sides about as much as
// dozens of records; on a busy machine, where records come one by one, requests of a few would eat what they need.
type linger struct {
	since        time.Time
	bytes        int
	minBytes     int       // what a request should have, in bytes; 0: anything
	waitingSince time.Time // since when something waits though nothing is on its way; zero: nothing does
}

// countRequest counts a request of n bytes: least is what comes in a millisecond.
func (p *linger) countRequest(n int, now time.Time) {
	p.bytes += n
	over := now.Sub(p.since)
	if over < rateWindow {
		return
	}
	rate := float64(p.bytes) / over.Seconds()
	p.since, p.bytes, p.minBytes = now, 0, 0
	if rate >= lingerAbove {
		p.minBytes = min(int(rate/1000), maxMinBytes)
	}
}

// wait says whether what is ready, which is less than it should be, waits on; first: it begins to.
func (p *linger) wait(now time.Time) (wait, first bool) {
	if p.waitingSince.IsZero() {
		p.waitingSince = now
		return true, true
	}
	if now.Sub(p.waitingSince) < maxLinger {
		return true, false
	}
	p.waitingSince = time.Time{}
	return false, false
}
