package pipeline

import (
	"time"

	"github.com/tailrace/tailrace/capture"
)

// pending is what a sink has not held yet, oldest first: one mark a batch. It gives the lag and the time of delivery.
type pending struct{ marks []mark }

type mark struct {
	end  capture.Position
	time time.Time // of the last commit in the batch, by the source's clock
}

// add notes a batch. One that was noted before, because the stream started again, is not noted twice.
func (p *pending) add(end capture.Position, t time.Time) {
	if n := len(p.marks); n > 0 && end.Compare(p.marks[n-1].end) <= 0 {
		return
	}
	p.marks = append(p.marks, mark{end, t})
}

// hold forgets what is held and gives the commit times of it to observe.
func (p *pending) hold(held capture.Position, observe func(time.Time)) {
	n := 0
	for n < len(p.marks) && p.marks[n].end.Compare(held) <= 0 {
		observe(p.marks[n].time)
		n++
	}
	if n == len(p.marks) {
		p.marks = p.marks[:0]
		return
	}
	p.marks = p.marks[n:]
}

// age is how long the oldest commit has been waiting; 0 when none waits.
func (p *pending) age(now time.Time) time.Duration {
	if len(p.marks) == 0 {
		return 0
	}
	return max(0, now.Sub(p.marks[0].time))
}
