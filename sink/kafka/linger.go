package kafka

import "time"

const (
	paceOver = 5 * time.Millisecond // what the rate is taken over
	paceHot  = 4 << 20              // bytes a second from which on a request waits for more
	paceWait = 2 * time.Millisecond // for so long at most
	paceMost = 64 << 10             // bytes, from which on a request costs little beside its records
)

// pace knows how large a request should be at the rate that records come at. A request costs both sides about as much as
// dozens of records; on a busy machine, where records come one by one, requests of a few would eat what they need.
type pace struct {
	since time.Time
	bytes int
	least int       // what a request should have, in bytes; 0: anything
	held  time.Time // since when something waits though nothing is on its way; zero: nothing does
}

// sent counts a request of n bytes: least is what comes in a millisecond.
func (p *pace) sent(n int, now time.Time) {
	p.bytes += n
	over := now.Sub(p.since)
	if over < paceOver {
		return
	}
	rate := float64(p.bytes) / over.Seconds()
	p.since, p.bytes, p.least = now, 0, 0
	if rate >= paceHot {
		p.least = min(int(rate/1000), paceMost)
	}
}

// waits says whether what is ready, which is less than it should be, waits on; first: it begins to.
func (p *pace) waits(now time.Time) (wait, first bool) {
	if p.held.IsZero() {
		p.held = now
		return true, true
	}
	if now.Sub(p.held) < paceWait {
		return true, false
	}
	p.held = time.Time{}
	return false, false
}
