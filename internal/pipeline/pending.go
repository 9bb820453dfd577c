package pipeline

import (
	"slices"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// pending is what a sink has not held yet, oldest first: one mark a batch. It gives the lag, the time of delivery, and the
// last commit that is held.
type pending struct {
	marks []mark
	last  capture.Commit   // the last one among what was held since the sink was opened; zero: none was
	lost  capture.Position // up to it marks were forgotten that are wanted again; zero: none
}

type mark struct {
	end  capture.Position
	time time.Time // of the last commit in the batch, by the source's clock
	last capture.Commit
}

// add notes a batch. One that was noted before, because the stream started again, is not noted twice.
func (p *pending) add(b *capture.Batch) {
	end, m := b.End, mark{b.End, b.Time, b.Last}
	n := len(p.marks)
	if n == 0 || p.marks[n-1].end.Before(end) {
		p.marks = append(p.marks, m)
		return
	}
	if p.lost.Before(end) {
		return
	}
	i, known := slices.BinarySearchFunc(p.marks, end, func(m mark, end capture.Position) int { return m.end.Compare(end) })
	if !known {
		p.marks = slices.Insert(p.marks, i, m)
	}
}

// lose says that what was held up to held is held no more: it is to be noted again.
func (p *pending) lose(held capture.Position) {
	if p.lost.Before(held) {
		p.lost = held
	}
}

// hold forgets what is held and gives the commit times of it to observe.
func (p *pending) hold(held capture.Position, observe func(time.Time)) {
	if p.lost.Compare(held) <= 0 {
		p.lost = capture.Position{}
	}
	n := 0
	for n < len(p.marks) && p.marks[n].end.Compare(held) <= 0 {
		observe(p.marks[n].time)
		if last := p.marks[n].last; !last.IsZero() {
			p.last = last
		}
		n++
	}
	if n == len(p.marks) {
		p.marks = p.marks[:0]
		return
	}
	p.marks = p.marks[n:]
}

// lastTo is the last commit up to a position that is not held yet or was held since the sink was opened; zero: there is none.
func (p *pending) lastTo(to capture.Position) capture.Commit {
	last := p.last
	for _, m := range p.marks {
		if !m.last.IsZero() && m.end.Compare(to) <= 0 {
			last = m.last
		}
	}
	return last
}

// age is how long the oldest commit has been waiting; 0 when none waits.
func (p *pending) age(now time.Time) time.Duration {
	if len(p.marks) == 0 {
		return 0
	}
	return max(0, now.Sub(p.marks[0].time))
}
