package kafka

import "time"

const (
	rateWindow  = 5 * time.Millisecond // the rate is measured over this time
	lingerAbove = 4 << 20              // bytes per second above which a request waits for more
	maxLinger   = 2 * time.Millisecond // longest wait
	maxMinBytes = 64 << 10             // bytes at which the cost of a request is small next to that of its records
)

// linger decides how large a request should be at the rate at which records arrive. A request costs both sides about
// as much as dozens of records; on a busy machine, where records arrive one by one, requests of a few would use the
// CPU that those need.
type linger struct {
	since        time.Time
	bytes        int
	minBytes     int       // size that a request should have, in bytes; 0: any
	waitingSince time.Time // since when batches wait while no request is in flight; zero: none wait
}

// countRequest counts a request of n bytes: minBytes becomes what arrives in a millisecond.
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

// wait reports whether a request that is smaller than minBytes should go on waiting; first is true when the wait
// begins.
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
