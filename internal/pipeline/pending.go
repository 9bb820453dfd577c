package pipeline

import (
	"slices"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// pending is what is not durable in a sink yet, oldest first: one mark per batch. The lag, the delivery time and the last durable
// commit come from it.
type pending struct {
	marks []mark
	last  capture.Commit   // the last commit that has become durable since the sink was opened; zero: none has
	lost  capture.Position // up to it marks were removed that are added again; zero: none
}

type mark struct {
	end  capture.Position
	time time.Time // of the last commit in the batch, by the source's clock
	last capture.Commit
}

// add adds a batch, unless it was added before the stream started again.
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

// markLost records that the sink has lost what was durable up to a position: its batches will be added again.
func (p *pending) markLost(durable capture.Position) {
	if p.lost.Before(durable) {
		p.lost = durable
	}
}

// setDurable removes what is durable and calls observe with its commit times.
func (p *pending) setDurable(durable capture.Position, observe func(time.Time)) {
	if p.lost.Compare(durable) <= 0 {
		p.lost = capture.Position{}
	}
	n := 0
	for n < len(p.marks) && p.marks[n].end.Compare(durable) <= 0 {
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

// lastTo is the last commit up to a position that is pending or has become durable since the sink was opened; zero: there is none.
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
