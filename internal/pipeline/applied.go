package pipeline

import (
	"time"

	"github.com/tailrace/tailrace/capture"
)

// A sink that acknowledges late by design, such as a cache that may lose what it has acknowledged, has two positions: what is
// applied and what is durable. The slot follows the durable one; the lag, the delivery time and `tailrace wait` the applied one.

// setApplied records that readers of a sink that acknowledges late see everything up to p.
func (r *sinkRunner) setApplied(p capture.Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Before(r.appliedPos) {
		return
	}
	r.appliedPos = p
	now := time.Now()
	r.unapplied.setDurable(p, func(commit time.Time) { r.metrics.delivery.Observe(now.Sub(commit).Seconds()) })
}

// resetAppliedLocked records where a sink that acknowledges late begins: what it had applied beyond that is written to it again.
func (r *sinkRunner) resetAppliedLocked(to capture.Position) {
	if to.Before(r.appliedPos) {
		r.unapplied.markLost(r.appliedPos)
	}
	r.appliedPos = to
	r.unapplied.setDurable(to, func(time.Time) {})
}

// appliedLocked returns up to where readers of the sink see everything, and what they do not see yet.
func (r *sinkRunner) appliedLocked() (capture.Position, *pending) {
	if r.acksLate {
		return r.appliedPos, &r.unapplied
	}
	return r.durablePos, &r.pending
}

// applied is the position up to which readers of the sink see everything.
func (r *sinkRunner) applied() capture.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, _ := r.appliedLocked()
	return p
}
