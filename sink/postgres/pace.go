package postgres

import "time"

const (
	paceOver  = 10 * time.Millisecond // what the rate is taken over: a single group says nothing
	hotRows   = 5                     // rows a millisecond from which on groups wait for more
	hotWait   = 5 * time.Millisecond  // for so long at most
	hotEnough = 256 << 10             // bytes, from which on a group costs little beside its rows
)

// pace knows whether rows come so fast that it pays to wait for more of them. A server that is busy gives us its rows one by
// one; without a pause each of them would be a transaction of its own, whose cost then keeps the server busy.
type pace struct {
	since time.Time
	rows  int
	hot   bool
}

// took says that a group of so many rows was taken.
func (p *pace) took(rows int, now time.Time) {
	p.rows += rows
	over := now.Sub(p.since)
	if over < paceOver {
		return
	}
	p.hot = int64(p.rows) >= hotRows*over.Milliseconds()
	p.since, p.rows = now, 0
}
