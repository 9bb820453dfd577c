package queue

import "time"

// measuredOver is what the rate is taken over: a single group says nothing.
const measuredOver = 10 * time.Millisecond

// delay is how a group waits for more rows.
type delay struct {
	from  int           // rows a millisecond, from which on it does
	wait  time.Duration // at most; 0: it does not
	bytes int           // from which on it has enough
}

// delays are what a rate deserves, the highest first. The second is where a group costs little beside its rows for a line of
// few rows. The first is for a backlog: COPY makes a slot for each row up to the first 64 KiB, in each group anew
// (docs/decisions/0015 has what that costs).
var delays = []delay{
	{40, 20 * time.Millisecond, 1 << 20},
	{5, 5 * time.Millisecond, 256 << 10},
	{},
}

// batchDelay knows whether rows come so fast that it pays to wait for more of them. A server that is busy gives us its rows one by
// one; without a pause each of them would be a transaction of its own, whose cost then keeps the server busy.
type batchDelay struct {
	since time.Time
	rows  int
	delay delay
}

// record says that a group of so many rows was taken.
func (p *batchDelay) record(rows int, now time.Time) {
	p.rows += rows
	over := now.Sub(p.since)
	if over < measuredOver {
		return
	}
	for _, r := range delays {
		if int64(p.rows) >= int64(r.from)*over.Milliseconds() {
			p.delay = r
			break
		}
	}
	p.since, p.rows = now, 0
}
