package queue

import "time"

// measuredOver is the shortest time over which the rate is measured: a single group is too little to judge by.
const measuredOver = 10 * time.Millisecond

// delay is how long a group waits for more rows.
type delay struct {
	from  int           // rows per millisecond from which the delay applies
	wait  time.Duration // the longest wait; 0 means none
	bytes int           // the wait ends early at this many bytes
}

// delays are the delays by rate, the highest rate first. At the second rate a group of short transactions costs little more
// than its rows. The first is for a backlog: in every group, COPY allocates a slot per row for the first 64 KiB
// (docs/decisions/0015 has the measurements).
var delays = []delay{
	{40, 20 * time.Millisecond, 1 << 20},
	{5, 5 * time.Millisecond, 256 << 10},
	{},
}

// batchDelay measures whether rows arrive fast enough that waiting for more of them pays off. A busy source sends its rows one
// by one; without a delay each would be a target transaction of its own, whose cost keeps the server busy.
type batchDelay struct {
	since time.Time
	rows  int
	delay delay
}

// record adds a group of rows to the measurement.
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
